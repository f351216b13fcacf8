"""Spans of a process, with a tracer that only notes them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from inspector.runtime.tracing import NO_SPAN, Attribute, current_span, install_tracer, span


@dataclass
class NotedSpan:
    name: str
    parent: str | None
    traceparent: str | None
    attributes: dict[str, Attribute | None]
    error: BaseException | None = None
    is_over: bool = False

    def note(self, **attributes: Attribute | None) -> None:
        self.attributes |= attributes

    def end(self, error: BaseException | None) -> None:
        self.error, self.is_over = error, True


@dataclass
class NotingTracer:
    spans: list[NotedSpan] = field(default_factory=list)

    def start(self, name: str, parent: str | None, attributes: dict[str, Attribute | None]) -> NotedSpan:
        self.spans.append(NotedSpan(name, parent, f"id-{len(self.spans)}", attributes))
        return self.spans[-1]


@pytest.fixture
def tracer() -> Iterator[NotingTracer]:
    noting = NotingTracer()
    install_tracer(noting)
    yield noting
    install_tracer(None)


def test_without_a_tracer_a_span_is_nothing() -> None:
    with span("outer", "some parent", line="pcb") as outer:
        outer.note(late=True)
        assert [span("inner"), outer, current_span()] == [NO_SPAN] * 3
        assert outer.traceparent is None


def test_a_span_lies_below_the_one_in_progress(tracer: NotingTracer) -> None:
    with span("outer", "of the frame", line="pcb") as outer, span("inner"):
        current_span().note(late=True)
        assert not tracer.spans[0].is_over
    with span("next"):
        pass
    assert [(each.name, each.parent) for each in tracer.spans] == [
        ("outer", "of the frame"),
        ("inner", outer.traceparent),
        ("next", None),
    ]
    assert (tracer.spans[0].attributes, tracer.spans[1].attributes) == ({"line": "pcb"}, {"late": True})
    assert all(each.is_over for each in tracer.spans)
    assert current_span() is NO_SPAN


async def test_tasks_carry_the_span_in_progress(tracer: NotingTracer) -> None:
    async def work() -> None:
        with span("inner"):
            await asyncio.sleep(0)

    async def part(number: int) -> None:
        with span("outer", f"frame {number}"):
            await asyncio.gather(work(), asyncio.create_task(work()))

    await asyncio.gather(*(part(number) for number in range(3)))
    outer = {each.parent: each.traceparent for each in tracer.spans if each.name == "outer"}
    inner = [each.parent for each in tracer.spans if each.name == "inner"]
    assert set(outer) == {"frame 0", "frame 1", "frame 2"}
    assert sorted(inner, key=str) == sorted([*outer.values(), *outer.values()], key=str)


def test_what_a_step_failed_for_is_noted(tracer: NotingTracer) -> None:
    with pytest.raises(TimeoutError), span("ask model"):
        raise TimeoutError("no judgement in time")
    assert isinstance(tracer.spans[0].error, TimeoutError)

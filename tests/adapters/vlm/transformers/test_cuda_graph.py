"""Work that recurs is captured once and replayed; what can't be captured, or replays wrongly, runs as before."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from support.eager_graph import CPU, EagerGraph, eager_graphs

from inspector.adapters.vlm.transformers import cuda_graph
from inspector.adapters.vlm.transformers.cuda_graph import GraphCache, Work


def one_more(given: torch.Tensor) -> tuple[torch.Tensor]:
    return (given + 1,)


class Altered(EagerGraph):
    """A replay that is wrong by a share, or holds what is no number."""

    change = 1.0

    def replay(self, *inputs: torch.Tensor) -> Sequence[torch.Tensor]:
        return [each * self.change for each in super().replay(*inputs)]


def test_work_is_captured_when_it_comes_for_the_second_time() -> None:
    graphs = eager_graphs()
    for number, captured in ((1.0, 0), (2.0, 1), (3.0, 1), (4.0, 1)):
        (result,) = graphs.run("a", one_more, torch.full((2,), number))
        assert result.tolist() == [number + 1] * 2
        assert EagerGraph.captured == captured


def test_each_key_has_its_own_capture() -> None:
    graphs = eager_graphs()
    for key in "abab":
        graphs.run(key, one_more, torch.ones(2))
    assert EagerGraph.captured == 2


def test_work_that_cannot_be_captured_runs_all_the_same_and_is_reported_once(caplog: pytest.LogCaptureFixture) -> None:
    tried: list[Work] = []

    def capture(work: Work, *_: torch.Tensor) -> EagerGraph:
        tried.append(work)
        raise RuntimeError("operation not permitted when stream is capturing\nand much more")

    graphs = GraphCache(CPU, capture)
    for _ in range(4):
        assert graphs.run("a", one_more, torch.ones(1))[0] == 2.0
    assert len(tried) == 1
    assert "when stream is capturing" in caplog.text
    assert "much more" not in caplog.text
    assert len(caplog.records) == 1


@pytest.mark.parametrize("change", [0.5, 1.1, torch.nan, torch.inf, -1.0])
def test_a_replay_that_differs_from_a_plain_run_is_never_used(
    change: float, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Altered, "change", change)
    graphs = GraphCache(CPU, Altered)
    for number in (1.0, 2.0, 3.0, 4.0):
        assert graphs.run("a", one_more, torch.full((3,), number))[0].tolist() == [number + 1] * 3
    assert "differs from a plain run" in caplog.text


def test_a_replay_that_rounds_differently_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Altered, "change", 1.001)
    graphs = GraphCache(CPU, Altered)
    results = [graphs.run("a", one_more, torch.ones(1))[0].item() for _ in range(3)]
    assert results == [2.0, 2.0, pytest.approx(2.002)]


def test_the_same_gaps_in_both_runs_are_no_difference() -> None:
    """Tokens that only fill a form up may read what is no number."""
    graphs, given = eager_graphs(), torch.tensor([1.0, torch.nan])
    for _ in range(3):
        graphs.run("a", one_more, given)
    assert graphs._known["a"].captured


def test_what_was_not_used_for_longest_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda_graph, "MAX_KNOWN_WORKS", 2)
    graphs = eager_graphs()
    for key in ("a", "a", "b", "b", "a", "c", "c", "a", "b", "b"):
        graphs.run(key, one_more, torch.ones(1))
    assert EagerGraph.captured == 4  # b again


def test_a_cpu_has_no_graphs() -> None:
    assert GraphCache.of(CPU) is None

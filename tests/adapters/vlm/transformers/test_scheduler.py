"""Which forward is next: who goes together, who goes first, and who is let in. Steps are made one by one here, with a
network that only notes what it is given."""

from __future__ import annotations

import asyncio
import functools
import gc
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.paths import ROOT
from transformers import AutoTokenizer

from inspector.adapters.vlm.transformers.chat_template import ChatTemplate
from inspector.adapters.vlm.transformers.decoding import AnswerDecoder, TextDecoder
from inspector.adapters.vlm.transformers.images import PatchBatch
from inspector.adapters.vlm.transformers.kv_cache import KeptPrefix, SequenceRows, UnreadPrefix
from inspector.adapters.vlm.transformers.memory_budget import MemoryBudget
from inspector.adapters.vlm.transformers.requests import PrefixRequest, SequenceGroup
from inspector.adapters.vlm.transformers.scheduler import (
    MAX_ROWS_PER_FORWARD,
    MAX_STEPS_WITHOUT_WORDS,
    MEMORY_POLL_S,
    MEMORY_TIMEOUT_S,
    Scheduler,
)
from inspector.adapters.vlm.transformers.worker import PendingResults, Priority
from inspector.domain.declared import Reasoning, ViewName
from inspector.domain.prompts import Question
from inspector.errors import ModelError
from inspector.ports.engine import Answer, GeneratedText

DEMO = ROOT / "models" / "demo"
NO_PICTURES = PatchBatch(torch.zeros(0), torch.zeros(0), ())
NOT_READ = UnreadPrefix(torch.zeros(0), torch.zeros(0), ())


@dataclass
class Made:
    logits: torch.Tensor
    reads: list[KeptPrefix]

    def commit(self) -> None:
        for prefix in self.reads:
            prefix.keep(())


@dataclass
class Notebook:
    """A network that fits `fits` rows in a forward and can't compute rows of prefixes in `broken`; `rooms` says of the
    next looks whether there is memory for them; `crowded`: prefixes can only be read beside no other part. A part is
    known by its prefix's number of tokens; `reads` are those that each forward read."""

    fits: int = 10**6
    broken: frozenset[int] = frozenset()
    rooms: list[bool] = field(default_factory=list)
    crowded: bool = False
    reads: list[list[int]] = field(default_factory=list)
    forwards: list[list[int]] = field(default_factory=list)
    opened: list[int] = field(default_factory=list)

    def look(self, tokens: Sequence[int], patches: PatchBatch) -> KeptPrefix:
        if self.rooms and not self.rooms.pop(0):
            torch.empty(2**52, dtype=torch.uint8)
        self.opened.append(len(tokens))
        return KeptPrefix((), len(tokens), len(tokens), unread=NOT_READ)

    def advance(self, batch: Sequence[tuple[SequenceRows, Sequence[Sequence[int]]]]) -> Made:
        rows = [part.prefix.tokens for part, tokens in batch for _ in tokens]
        if self.broken & set(rows):
            raise RuntimeError("a row of another shape")
        reads = list({part.prefix for part, _ in batch if part.prefix.unread})
        if len(rows) > self.fits or (reads and self.crowded and len(set(rows)) > 1):
            torch.empty(2**52, dtype=torch.uint8)  # no machine has as much: torch raises what it raises then
        self.forwards.append(rows)
        self.reads.append([prefix.tokens for prefix in reads])
        return Made(torch.zeros(len(rows), 2000), reads)


@functools.cache
def chat() -> ChatTemplate:
    tokenizer = AutoTokenizer.from_pretrained(DEMO)
    return ChatTemplate(
        tokenizer, tokenizer.convert_tokens_to_ids("<|image_pad|>"), frozenset({tokenizer.eos_token_id})
    )


def draft(steps: int, number: int = 0) -> AnswerDecoder:
    """An answer that is sampled for so many steps, and a few more for its cue."""
    reasoning = Reasoning.DRAFT if steps else Reasoning.NONE
    return AnswerDecoder(
        0, Question(ViewName.DIRECT, f"Broken {number:03}?", reasoning=reasoning, max_tokens=steps), chat()
    )


def asked(
    batch: Scheduler, part: int, rows: int, steps: int = 0, unread: UnreadPrefix | None = None
) -> PendingResults[Answer]:
    """So many different questions."""
    return put(batch, KeptPrefix((), part, part, unread=unread), [draft(steps, number) for number in range(rows)])


def put(batch: Scheduler, prefix: KeptPrefix, drafts: list[AnswerDecoder]) -> PendingResults[Answer]:
    pending = PendingResults[Answer]()
    batch.add(SequenceGroup.of(Priority.VERDICT, prefix, drafts, pending))
    return pending


def wanted(batch: Scheduler, part: int, tokens: int) -> PendingResults[GeneratedText]:
    """Words."""
    pending = PendingResults[GeneratedText]()
    script = TextDecoder("Say something.", "", tokens, chat())
    batch.add(SequenceGroup.of(Priority.WORDS, KeptPrefix((), part, part), [script], pending))
    return pending


def opened(batch: Scheduler, tokens: int) -> PendingResults[KeptPrefix]:
    pending = PendingResults[KeptPrefix]()
    batch.add(PrefixRequest([1] * tokens, NO_PICTURES, pending))
    return pending


def settle(batch: Scheduler, most: int = 2000) -> int:
    """Steps until nothing is left to do; gives their number."""
    for step in range(most):
        if batch.pause != 0.0:
            return step
        batch.step()
    raise AssertionError("there is no end to it")


def started(network: Notebook, tokens: int = 10**6) -> Scheduler:
    return Scheduler(network, MemoryBudget(tokens))


async def test_rows_of_all_parts_share_one_forward() -> None:
    network = Notebook()
    batch = started(network)
    first, second = asked(batch, 1, 3), asked(batch, 2, 2)
    settle(batch)
    assert network.forwards == [[1, 1, 1, 2, 2]]
    assert [len([answer async for answer in each.results(count)]) for each, count in ((first, 3), (second, 2))] == [
        3,
        2,
    ]


async def test_a_finished_row_leaves_and_a_new_one_joins_at_once() -> None:
    network = Notebook()
    batch = started(network)
    asked(batch, 1, 2, steps=4)
    batch.step()
    asked(batch, 2, 1)
    batch.step()
    batch.step()
    assert network.forwards == [[1, 1], [1, 1, 2], [1, 1]]


async def test_samples_of_one_question_read_it_as_one_row() -> None:
    network = Notebook()
    batch = started(network)
    pending = put(batch, KeptPrefix((), 1, 1), [draft(2, number) for number in (7, 7, 8, 7)])
    settle(batch)
    assert network.forwards[:2] == [[1, 1], [1, 1, 1, 1]]
    assert len([answer async for answer in pending.results(4)]) == 4


async def test_samples_of_one_question_may_go_apart_before_they_differ() -> None:
    network = Notebook()
    batch = started(network)
    pending = put(batch, KeptPrefix((), 1, 1), [draft(3) for _ in range(8)])
    batch.step()
    network.fits = 3
    settle(batch)
    assert len([answer async for answer in pending.results(8)]) == 8


async def test_a_forward_takes_so_many_rows_and_the_next_one_the_others() -> None:
    network = Notebook()
    batch = started(network)
    asked(batch, 1, MAX_ROWS_PER_FORWARD + 10)
    settle(batch)
    assert [len(rows) for rows in network.forwards] == [MAX_ROWS_PER_FORWARD, 10]


async def test_a_verdict_never_waits_for_words() -> None:
    network = Notebook()
    batch = started(network)
    wanted(batch, 9, 20)
    batch.step()
    asked(batch, 1, 1)
    batch.step()
    batch.step()
    assert network.forwards == [[9], [1], [9]]


async def test_words_ride_along_under_a_steady_load_of_verdicts() -> None:
    network = Notebook()
    batch = started(network)
    words = wanted(batch, 9, 6)
    for _ in range(6 * (MAX_STEPS_WITHOUT_WORDS + 1) + 1):
        asked(batch, 1, 1)
        batch.step()
    assert (await words.result()).tokens == 6
    assert all(1 in rows for rows in network.forwards)


async def test_words_ride_along_while_parts_are_opened_without_end() -> None:
    network = Notebook()
    batch = started(network)
    words = wanted(batch, 9, 6)
    for _ in range(6 * (MAX_STEPS_WITHOUT_WORDS + 1) + 1):
        opened(batch, 5)
        batch.step()
    assert (await words.result()).tokens == 6


async def test_opening_and_answering_take_turns() -> None:
    network = Notebook()
    batch = started(network)
    for part in (1, 2, 3):
        opened(batch, part)
    asked(batch, 7, 1, steps=1)
    batch.step()
    batch.step()
    assert (network.opened, network.forwards) == ([1], [[7]])
    batch.step()
    assert network.opened == [1, 2]


async def test_out_of_memory_makes_smaller_batches_until_all_are_answered() -> None:
    network = Notebook(fits=5)
    batch = started(network)
    pending = asked(batch, 1, 37)
    settle(batch)
    assert len([answer async for answer in pending.results(37)]) == 37
    assert max(map(len, network.forwards)) <= 5


async def test_rows_that_have_begun_go_on_in_smaller_batches() -> None:
    network = Notebook()
    batch = started(network)
    pending = asked(batch, 1, 8, steps=3)
    batch.step()
    network.fits = 3
    settle(batch)
    assert len([answer async for answer in pending.results(8)]) == 8


async def test_the_batch_grows_again_once_there_is_memory() -> None:
    network = Notebook(fits=4)
    batch = started(network)
    asked(batch, 1, 16)
    settle(batch)
    network.fits = 100
    for _ in range(30):
        asked(batch, 1, 1)
        batch.step()
    asked(batch, 2, 20)
    settle(batch)
    assert network.forwards[-1] == [2] * 20


async def test_the_part_that_cannot_be_computed_fails_alone() -> None:
    network = Notebook(broken=frozenset({3}))
    batch = started(network)
    pending_results = [asked(batch, part, 4, steps=2) for part in range(1, 6)]
    settle(batch)
    with pytest.raises(ModelError, match="a row of another shape"):
        await pending_results.pop(2).result()
    assert [len([answer async for answer in each.results(4)]) for each in pending_results] == [4] * 4


async def test_what_nobody_waits_for_leaves_at_the_next_step() -> None:
    network = Notebook()
    batch = started(network)
    left = asked(batch, 1, 3, steps=50)
    asked(batch, 2, 1, steps=2)
    batch.step()
    left.is_over = True
    settle(batch)
    assert [1 in rows for rows in network.forwards].count(True) == 1


async def test_a_part_waits_until_another_one_is_closed() -> None:
    network = Notebook()
    batch = started(network, tokens=100)
    first = opened(batch, 60)
    settle(batch)
    second = opened(batch, 30)
    assert batch.pause == MEMORY_POLL_S
    (await first.result()).close()
    assert batch.pause == 0.0
    batch.step()
    assert (await second.result()).tokens == 30


async def test_a_prefix_that_nobody_holds_frees_its_memory() -> None:
    batch = started(Notebook(), tokens=100)
    for _ in range(5):
        pending = opened(batch, 60)
        settle(batch)
        del pending
        await asyncio.sleep(0)
    assert batch.pause is None


async def test_a_part_that_waits_too_long_is_refused_with_the_reason() -> None:
    batch = started(Notebook(), tokens=100)
    first = opened(batch, 60)
    settle(batch)
    late = PrefixRequest([1] * 30, NO_PICTURES, PendingResults[KeptPrefix]())
    late.since -= 2 * MEMORY_TIMEOUT_S
    batch.add(late)
    batch.step()
    with pytest.raises(ModelError, match=r"30 tokens need .* raise kv_gib, in the model card"):
        await late.pending.result()
    assert (await first.result()).held == 60


async def test_a_part_that_finds_no_memory_beside_rows_is_opened_once_they_are_gone() -> None:
    network = Notebook(rooms=[False])
    batch = started(network)
    rows, part, next_part = asked(batch, 1, 3, steps=4), opened(batch, 50), opened(batch, 60)
    settle(batch)
    assert network.opened == [50, 60]
    assert ((await part.result()).tokens, (await next_part.result()).tokens) == (50, 60)
    assert len([answer async for answer in rows.results(3)]) == 3


async def test_a_part_that_finds_no_memory_alone_is_refused_and_the_next_is_opened() -> None:
    network = Notebook(rooms=[False, False])
    batch = started(network)
    asked(batch, 1, 2, steps=2)
    part, next_part = opened(batch, 50), opened(batch, 60)
    settle(batch)
    with pytest.raises(ModelError, match=r"memory.*lower pixels\.max or max_ongoing_requests"):
        await part.result()
    assert (await next_part.result()).tokens == 60


async def test_prefixes_are_read_one_at_a_time_beside_rows_that_go_on() -> None:
    network = Notebook()
    batch = started(network)
    asked(batch, 1, 2, steps=4)
    batch.step()
    first, second = asked(batch, 2, 1, unread=NOT_READ), asked(batch, 3, 2, unread=NOT_READ)
    settle(batch)
    assert network.forwards[:4] == [[1, 1], [1, 1, 2], [1, 1, 3, 3], [1, 1]]
    assert network.reads[:4] == [[], [2], [3], []]
    assert (len([answer async for answer in first.results(1)]), len([a async for a in second.results(2)])) == (1, 2)


async def test_questions_of_two_calls_share_the_reading_of_their_prefix() -> None:
    network, prefix = Notebook(), KeptPrefix((), 5, 5, unread=NOT_READ)
    batch = started(network)
    put(batch, prefix, [draft(0)])
    put(batch, prefix, [draft(0), draft(0, 1)])
    settle(batch)
    assert (network.forwards, network.reads) == ([[5, 5, 5]], [[5]])
    assert prefix.unread is None


async def test_a_prefix_that_finds_no_memory_beside_rows_is_read_once_they_are_gone() -> None:
    network = Notebook(crowded=True)
    batch = started(network)
    rows = asked(batch, 1, 3, steps=4)
    batch.step()
    first, second = asked(batch, 2, 2, unread=NOT_READ), asked(batch, 3, 1, unread=NOT_READ)
    settle(batch)
    assert [read for read in network.reads if read] == [[2], [3]]
    assert network.forwards[-2:] == [[2, 2], [3]]
    for pending, count in ((rows, 3), (first, 2), (second, 1)):
        assert len([answer async for answer in pending.results(count)]) == count


async def test_a_prefix_that_cannot_be_read_fails_alone() -> None:
    network = Notebook(broken=frozenset({2}))
    batch = started(network)
    rows, broken = asked(batch, 1, 3, steps=4), asked(batch, 2, 4, unread=NOT_READ)
    settle(batch)
    with pytest.raises(ModelError, match="a row of another shape"):
        await broken.result()
    assert len([answer async for answer in rows.results(3)]) == 3


def test_a_prefix_that_is_closed_while_it_is_read_keeps_nothing() -> None:
    prefix, layer = KeptPrefix((), 5, 5, unread=NOT_READ), torch.zeros(1)
    prefix.close()
    prefix.keep([layer])
    assert (prefix.layers, prefix.unread, prefix.held) == ((), None, 0)


@pytest.mark.parametrize("tokens", [76, 1000])
async def test_a_part_that_never_fits_is_refused_at_once(tokens: int) -> None:
    batch = started(Notebook(), tokens=100)
    pending = opened(batch, tokens)
    with pytest.raises(ModelError, match=rf"{tokens} tokens need .* lower pixels\.max"):
        await pending.result()
    assert batch.pause is None


async def test_a_row_that_never_fits_is_refused_at_once() -> None:
    batch = started(Notebook(), tokens=100)
    with pytest.raises(ModelError, match="tokens need"):
        await asked(batch, 1, 1, steps=90).result()


async def test_rows_that_do_not_fit_together_go_one_after_the_other() -> None:
    network = Notebook()
    most = draft(0).most
    batch = started(network, tokens=8 * most)
    pending = asked(batch, 1, 20)
    settle(batch)
    assert len([answer async for answer in pending.results(20)]) == 20
    assert max(map(len, network.forwards)) <= 8


ACTIONS = st.one_of(
    st.tuples(st.just("ask"), st.integers(1, 6), st.integers(0, 5)),
    st.tuples(st.just("begin"), st.integers(1, 6), st.integers(0, 5)),
    st.tuples(st.just("write"), st.integers(1, 6), st.just(0)),
    st.tuples(st.just("open"), st.integers(1, 120), st.just(0)),
    st.tuples(st.just("leave"), st.integers(0, 20), st.just(0)),
    st.tuples(st.just("step"), st.integers(1, 4), st.just(0)),
)


@settings(deadline=None, max_examples=40)
@given(st.lists(ACTIONS, max_size=15), st.integers(1, 12), st.integers(200, 2000))
def test_whoever_stays_is_answered(actions: list[tuple[str, int, int]], fits: int, tokens: int) -> None:
    asyncio.run(_whoever_stays_is_answered(actions, fits, MemoryBudget(tokens)))


async def _whoever_stays_is_answered(actions: list[tuple[str, int, int]], fits: int, memory: MemoryBudget) -> None:
    """And then the books are as they were."""
    batch = Scheduler(Notebook(fits=fits), memory)
    stay = deque(_staying(actions, batch))
    while stay:
        await asyncio.sleep(0)  # what was reported to those who left is let go
        settle(batch)
        await _is_answered(*stay.popleft())
    await asyncio.sleep(0)
    gc.collect()
    settle(batch)
    assert (batch.pause, memory.open_prefixes, memory.free(0)) == (None, 0, memory.tokens)


def _staying(actions: list[tuple[str, int, int]], batch: Scheduler) -> list[tuple[PendingResults[Any], int]]:
    pending_results: list[tuple[PendingResults[Any], int]] = []
    for action, number, steps in actions:
        match action:
            case "ask":
                pending_results.append((asked(batch, 1, number, steps), number))
            case "begin":
                pending_results.append((asked(batch, 1, number, steps, NOT_READ), number))
            case "write":
                pending_results.append((wanted(batch, 1, number), 1))
            case "open":
                pending_results.append((opened(batch, number), 1))
            case "leave":
                for pending, _ in pending_results[number : number + 1]:
                    pending.is_over = True
                del pending_results[number : number + 1]
            case _:
                for _ in range(number):
                    batch.step()
    return pending_results


async def _is_answered(pending: PendingResults[Any], count: int) -> None:
    async with asyncio.timeout(60):  # nothing steps any more: who is not answered now never is
        assert len([result async for result in pending.results(count)]) == count

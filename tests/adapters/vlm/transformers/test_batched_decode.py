"""One attention over many parts' rows, compared with each part's rows alone over copies of their prefix; and the pages
in which they stand."""

from __future__ import annotations

import gc
import threading
from collections.abc import Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.adapters.vlm.transformers.batched_decode import BatchedDecode, can_join
from inspector.adapters.vlm.transformers.decode_graph import DecodeGraphSegment, DecodeGraphStep
from inspector.adapters.vlm.transformers.kv_cache import KeptPrefix, RowAdvance, SequenceRows
from inspector.adapters.vlm.transformers.kv_pages import ROOM_STEP_TOKENS, KVPages, KVShape
from inspector.adapters.vlm.transformers.model_forward import RowTokens
from inspector.adapters.vlm.transformers.shared_prefix_attention import copied_prefix
from inspector.errors import ModelError

HEAD, SCALE = 16, 0.3
CPU = torch.device("cpu")
LENGTHS = st.lists(st.integers(1, 5), min_size=1, max_size=4)
PARTS = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 70), LENGTHS), min_size=1, max_size=5)


def new_pages(groups: int = 1, places: int = 4) -> KVPages:
    return KVPages(KVShape(1, groups, HEAD, torch.float32, CPU), places)


def soiled(pages: KVPages) -> None:
    """What a part leaves behind whose numbers were none."""
    held = [pages.take(pages.places, room) for room in (ROOM_STEP_TOKENS, 2 * ROOM_STEP_TOKENS, 3 * ROOM_STEP_TOKENS)]
    for places in held:
        places.layer(0).fill_(torch.nan)


def opened(pages: KVPages, tokens: int) -> KeptPrefix:
    places = pages.take(1, tokens)
    room = places.layer(0).zero_()
    room[..., :tokens, :].normal_()
    return KeptPrefix((room[..., :tokens, :],), tokens, tokens, places=places)


def begun(prefix: KeptPrefix, pages: KVPages, lengths: list[int], groups: int, room: int = 20) -> SequenceRows:
    """SequenceRows that have read texts of these lengths: always the same numbers."""
    rows, drawn = SequenceRows.begin(prefix, len(lengths), room), torch.Generator().manual_seed(len(lengths))
    advance = RowAdvance(rows, [[7] * length for length in lengths], copied_prefix, 1, pages)
    new = torch.randn(sum(lengths), 2, groups, HEAD, generator=drawn)
    advance.attend(0, torch.zeros(sum(lengths), 1, groups, HEAD), new, SCALE)
    advance.commit()
    return rows


class TightStep:
    """A step in tables as large as they have to be."""

    def __init__(self, batch: Sequence[RowTokens]) -> None:
        self._step = BatchedDecode(batch, CPU)
        self.commit = self._step.commit

    def attend(self, queries: torch.Tensor, new: torch.Tensor) -> torch.Tensor:
        return self._step.attend(0, queries, new, SCALE)


class RecurringStep:
    """A step in whole pages, filled up with tokens that nobody reads."""

    def __init__(self, batch: Sequence[RowTokens]) -> None:
        self._step = DecodeGraphStep(batch)
        self.commit = self._step.commit

    def attend(self, queries: torch.Tensor, new: torch.Tensor) -> torch.Tensor:
        segment = DecodeGraphSegment(self._step.form, *self._step.inputs)
        more = segment.tokens - len(queries)
        asked, kept = (torch.cat([each, torch.randn(more, *each.shape[1:])]) for each in (queries, new))
        return segment.attend(0, asked, kept, SCALE)[: len(queries)]


@settings(deadline=None)
@given(
    st.sampled_from([TightStep, RecurringStep]),
    PARTS,
    st.sampled_from([1, 2]),
    st.sampled_from([1, 3]),
    st.integers(1, 9),
    st.data(),
)
def test_parts_together_attend_as_each_alone(
    step: type[TightStep | RecurringStep],
    parts: list[tuple[int, int, list[int]]],
    groups: int,
    repeats: int,
    places: int,
    data: st.DataObject,
) -> None:
    """Whatever their prefixes' lengths, rows and pages, and how many others stand between them that ask nothing; also
    after some rows have left and others come."""
    prefix_pages, row_pages = new_pages(groups, places), new_pages(groups, 2 * places)
    soiled(prefix_pages)
    soiled(row_pages)
    opening = [[opened(prefix_pages, tokens) for _ in range(idle + 1)] for idle, tokens, _ in parts]
    prefixes = [last for *_, last in opening]
    both = [
        [begun(prefix, row_pages, lengths, groups) for prefix, (*_, lengths) in zip(prefixes, parts, strict=True)]
        for _ in range(2)
    ]
    for _ in range(3):
        tokens = [[[7]] * len(rows.gaps) for rows in both[0]]
        count = sum(map(len, tokens))
        queries, new = torch.randn(count, repeats, groups, HEAD), torch.randn(count, 2, groups, HEAD)
        together = step(list(zip(both[0], tokens, strict=True)))
        found = together.attend(queries, new)
        together.commit()
        first = 0
        for rows, read in zip(both[1], tokens, strict=True):
            mine = slice(first, first + len(read))
            alone = RowAdvance(rows, read, copied_prefix, repeats, row_pages)
            assert torch.allclose(found[mine], alone.attend(0, queries[mine], new[mine], SCALE), atol=1e-5)
            alone.commit()
            first = mine.stop
        chosen = [data.draw(st.lists(st.integers(0, len(rows.gaps) - 1), min_size=1, max_size=4)) for rows in both[0]]
        both = [[rows.only(some) for rows, some in zip(side, chosen, strict=True)] for side in both]
        order = data.draw(st.permutations(range(len(parts))))
        both = [[side[place] for place in order] for side in both]


@pytest.mark.parametrize(("asking", "tables"), [([0, 1, 2], 1), ([0, 2], 1), ([0, 3], 2), ([0, 1, 4, 7], 3)])
def test_places_between_are_worked_out_in_vain_only_where_they_are_few(asking: list[int], tables: int) -> None:
    prefix_pages, row_pages = new_pages(places=8), new_pages(places=8)
    prefixes = [opened(prefix_pages, 12) for _ in range(8)]
    together = BatchedDecode([(begun(prefixes[place], row_pages, [1], 1), [[7]]) for place in asking], CPU)
    assert len(together._prefixes.each) == tables


def test_what_was_not_committed_might_as_well_not_have_been() -> None:
    prefix = opened(new_pages(), 12)
    rows = begun(prefix, new_pages(), [3, 1], 1)
    queries, ones = torch.randn(2, 1, 1, HEAD), torch.ones(2, 2, 1, HEAD)
    told = [
        BatchedDecode([(rows, [[7], [7]])], CPU).attend(0, queries, new, SCALE) for new in (50.0 * ones, ones, ones)
    ]
    assert torch.equal(told[1], told[2])
    assert not torch.allclose(told[0], told[1])


def test_rows_of_a_closed_prefix_are_refused() -> None:
    prefix = opened(new_pages(), 12)
    rows = begun(prefix, new_pages(), [1], 1)
    prefix.close()
    with pytest.raises(ModelError, match="closed"):
        BatchedDecode([(rows, [[7]])], CPU)


def test_only_rows_that_go_on_by_one_token_join() -> None:
    prefix = opened(new_pages(), 12)
    rows = begun(prefix, new_pages(), [1, 2], 1)
    assert can_join(rows, [[7], [7]])
    assert not can_join(rows, [[7, 8], [7, 8]])
    assert not can_join(SequenceRows.begin(prefix, 2, 8), [[7], [7]])


def test_places_stand_beside_each_other_and_come_free_with_who_holds_them() -> None:
    pages = new_pages(places=4)
    one, two = pages.take(2, 5), pages.take(2, ROOM_STEP_TOKENS)
    assert one.page is two.page
    assert (one.first, two.first) == (0, 2)
    del one
    gc.collect()
    assert pages.take(1, 5).page is two.page
    three = pages.take(3, 5)
    assert three.page is not two.page


def test_who_needs_more_places_than_a_page_has_gets_a_larger_page() -> None:
    assert len(new_pages(places=4).take(9, 5).page.taken) == 9


def test_empty_pages_make_room_for_new_ones() -> None:
    pages = new_pages(places=4)
    for room in (10, 100, 1000):
        pages.take(1, room)
        gc.collect()
    assert len(pages._pages) == 1


def test_places_may_come_free_in_any_thread() -> None:
    pages = new_pages(places=4)
    held = [pages.take(1, 5) for _ in range(4)]
    thread = threading.Thread(target=held.clear)
    thread.start()
    thread.join()
    gc.collect()
    assert pages.take(4, 5).first == 0
    assert len(pages._pages) == 1

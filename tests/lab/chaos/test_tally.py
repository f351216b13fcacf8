"""Three ledgers side by side: what counts as lost, twice, wrong and late, and to which fault it is charged."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.domain.declared import Disposition
from inspector.lab.chaos.page import page
from inspector.lab.chaos.schedule import Fault
from inspector.lab.chaos.tally import CALM, Counts, Heard, Stored, Strike, Trail, charged, longest_gaps, tally

PASS, REVIEW, REJECT = Disposition.PASS, Disposition.REVIEW, Disposition.REJECT
DEADLINE_S = 5.0
KILLED = Strike(Fault.STATION, 10.0, 10.0, 13.0)
LOCKED = Strike(Fault.DATABASE, 20.0, 27.0, 28.0)
STRIKES = (KILLED, LOCKED)


def heard(at_s: float = 1.2, disposition: Disposition = PASS, result_id: str = "r", decided_s: float = 1.1) -> Heard:
    return Heard(at_s, decided_s, result_id, disposition)


PROVED = Stored("r", PASS, 1)
GOOD = Trail("t-1", 1.0, (heard(),), PROVED)


def counts(*trails: Trail) -> Counts:
    return tally(trails, STRIKES, DEADLINE_S).total


def test_part_that_is_stored_and_heard_in_time_is_clean() -> None:
    assert counts(GOOD) == Counts(1, 1, 0, 0, 0, 0, 0, 0, 0.0)
    assert counts(GOOD).is_clean


@pytest.mark.parametrize(
    ("trail", "what"),
    [
        (replace(GOOD, heard=()), "lost"),  # the gate never heard of it
        (replace(GOOD, stored=Stored("r", REVIEW, 0), heard=()), "lost"),
        (replace(GOOD, stored=None, heard=(heard(disposition=REVIEW),)), "lost"),  # heard, and no record of it
        (replace(GOOD, heard=(heard(), heard(1.3, result_id="other"))), "decided_twice"),
        (replace(GOOD, heard=(heard(), heard(1.3, REVIEW))), "decided_twice"),
        (replace(GOOD, heard=(heard(disposition=REVIEW),)), "decided_twice"),  # the database says something else
        (replace(GOOD, stored=Stored("r", PASS, 0)), "wrong_pass"),  # no vote proves it
        (replace(GOOD, stored=None), "wrong_pass"),
        (replace(GOOD, stored=Stored("r", REJECT, 1)), "wrong_pass"),
        (replace(GOOD, sent_s=21.0, heard=(heard(23.0, decided_s=22.0),)), "wrong_pass"),  # nothing could be stored
        (replace(GOOD, heard=(heard(6.5),)), "late_pass"),
    ],
)
def test_what_must_not_happen_is_counted(trail: Trail, what: str) -> None:
    assert getattr(counts(trail), what) == 1
    assert not counts(trail).is_clean
    assert tell(trail), "and told with its trigger_id"


@pytest.mark.parametrize(
    "trail",
    [
        replace(GOOD, heard=(heard(), heard(1.4))),  # the same verdict again: QoS 1
        replace(GOOD, heard=(heard(), heard(60.0))),  # and from a broker that was killed, long after
        replace(GOOD, stored=Stored("r", REVIEW, 0), heard=(heard(6.5, REVIEW),)),  # late, and the fail-safe
        replace(GOOD, sent_s=19.0, heard=(heard(20.5, decided_s=19.9),)),  # stored just before the database went
        replace(GOOD, sent_s=26.0, heard=(heard(27.5, decided_s=26.5),)),  # waited for it, and was stored then
    ],
)
def test_what_may_happen_is_clean(trail: Trail) -> None:
    assert counts(trail).is_clean
    assert tell(trail) == []


def test_repeated_and_late_verdicts_are_counted_all_the_same() -> None:
    again = replace(GOOD, heard=(heard(), heard(1.3), heard(1.4)))
    late = replace(GOOD, stored=Stored("r", REVIEW, 0), heard=(heard(6.5, REVIEW),))
    assert (counts(again, late).published_twice, counts(again, late).late) == (2, 1)


@pytest.mark.parametrize(
    ("sent_s", "answered_s", "name"),
    [
        (1.0, 1.2, CALM),
        (9.9, 10.4, Fault.STATION),  # in hand when the station died
        (12.0, 12.1, Fault.STATION),
        (19.9, 28.0, Fault.DATABASE),
        (9.9, 21.0, Fault.STATION),  # the first that struck, though the second found it open too
        (9.5, None, Fault.STATION),
        (18.5, None, Fault.DATABASE),
        (14.0, None, Fault.STATION),
    ],
)
def test_part_is_charged_to_the_fault_that_found_it_open(sent_s: float, answered_s: float | None, name: str) -> None:
    answers = (heard(answered_s),) if answered_s else ()
    assert charged(replace(GOOD, sent_s=sent_s, heard=answers), STRIKES) == name


def test_longest_gap_is_the_silence_at_the_gate_by_fault() -> None:
    moments = [9.0, 9.5, 13.5, 14.0, 19.8, 27.8]
    trails = [replace(GOOD, sent_s=at_s - 0.1, heard=(heard(at_s),)) for at_s in moments]
    gaps = longest_gaps(trails, STRIKES)
    assert gaps == pytest.approx({CALM: 0.5, Fault.STATION: 5.8, Fault.DATABASE: 8.0})
    assert tally(trails, STRIKES, DEADLINE_S).total.longest_gap_s == pytest.approx(8.0)


moments = st.floats(0.0, 40.0)
verdicts = st.builds(Heard, moments, moments, st.sampled_from("rs"), st.sampled_from(Disposition))
parts = st.builds(
    Trail,
    st.text("abc", min_size=1),
    moments,
    st.lists(verdicts, max_size=3).map(lambda some: tuple(sorted(some))),
    st.none() | st.builds(Stored, st.sampled_from("rs"), st.sampled_from(Disposition), st.integers(0, 2)),
)


@given(st.lists(parts))
def test_faults_add_up_to_the_total(trails: list[Trail]) -> None:
    total, by_fault = tally(trails, STRIKES, DEADLINE_S)
    assert total.frames == len(trails)
    for name in ("frames", "verdicts", "lost", "decided_twice", "published_twice", "wrong_pass", "late", "late_pass"):
        assert getattr(total, name) == sum(getattr(each, name) for each in by_fault.values())
    assert total.longest_gap_s == max(each.longest_gap_s for each in by_fault.values())


@given(st.lists(parts))
def test_there_is_a_told_failure_exactly_where_the_counts_are_not_clean(trails: list[Trail]) -> None:
    assert bool(tell(*trails)) == (not counts(*trails).is_clean)


def tell(*trails: Trail) -> list[dict[str, str]]:
    failures: list[dict[str, str]] = page(tally(trails, STRIKES, DEADLINE_S), trails, STRIKES, DEADLINE_S)["failures"]
    return failures


def test_page_says_how_often_each_fault_struck_and_how_long_recovery_took() -> None:
    hopeless = Strike(Fault.STATION, 30.0, 30.0, None)
    told = page(tally([GOOD], (*STRIKES, hopeless), DEADLINE_S), [GOOD], (*STRIKES, hopeless), DEADLINE_S)["faults"]
    assert [told[Fault.STATION][name] for name in ("strikes", "unrecovered", "longest_recovery_s")] == [2, 1, 3.0]
    assert [told[Fault.DATABASE][name] for name in ("strikes", "unrecovered", "longest_recovery_s")] == [1, 0, 8.0]
    assert (told[CALM]["strikes"], told[CALM]["longest_recovery_s"]) == (0, None)

"""Compare what was sent, stored and received: what counts as lost, twice, wrong and late, and for which fault."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.domain.declared import Disposition
from inspector.lab.chaos.books import LineBooks
from inspector.lab.chaos.report import (
    BEFORE_FAULTS,
    InjectedFault,
    OutcomeCounts,
    PartTrace,
    ReceivedVerdict,
    StoredPart,
    fault_report,
    longest_gaps,
    responsible_fault,
)
from inspector.lab.chaos.report_document import report_document
from inspector.lab.chaos.schedule import FaultKind

PASS, REVIEW, REJECT = Disposition.PASS, Disposition.REVIEW, Disposition.REJECT
DEADLINE_S = 5.0
KILLED = InjectedFault(FaultKind.STATION, 10.0, 10.0, 13.0)
LOCKED = InjectedFault(FaultKind.DATABASE, 20.0, 27.0, 28.0)
STRIKES = (KILLED, LOCKED)
AGREEING = LineBooks(decided=1, lost=2, unaccounted=0, withheld=2)


def heard(
    at_s: float = 1.2, disposition: Disposition = PASS, result_id: str = "r", decided_s: float = 1.1
) -> ReceivedVerdict:
    return ReceivedVerdict(at_s, decided_s, result_id, disposition)


PROVED = StoredPart("r", PASS, 1)
GOOD = PartTrace("t-1", 1.0, (heard(),), PROVED)


def counts(*traces: PartTrace) -> OutcomeCounts:
    return fault_report(traces, STRIKES, DEADLINE_S).total


def test_part_that_is_stored_and_heard_in_time_is_clean() -> None:
    assert counts(GOOD) == OutcomeCounts(1, 1, 0, 0, 0, 0, 0, 0, 0.0)
    assert counts(GOOD).is_clean


@pytest.mark.parametrize(
    ("trace", "what"),
    [
        (replace(GOOD, received=()), "lost"),  # the gate never heard of it
        (replace(GOOD, stored=StoredPart("r", REVIEW, 0), received=()), "lost"),
        (replace(GOOD, stored=None, received=(heard(disposition=REVIEW),)), "lost"),  # heard, and no record of it
        (replace(GOOD, received=(heard(), heard(1.3, result_id="other"))), "decided_twice"),
        (replace(GOOD, received=(heard(), heard(1.3, REVIEW))), "decided_twice"),
        (replace(GOOD, received=(heard(disposition=REVIEW),)), "decided_twice"),  # the database says something else
        (replace(GOOD, stored=StoredPart("r", PASS, 0)), "wrong_pass"),  # no vote proves it
        (replace(GOOD, stored=None), "wrong_pass"),
        (replace(GOOD, stored=StoredPart("r", REJECT, 1)), "wrong_pass"),
        (replace(GOOD, sent_s=21.0, received=(heard(23.0, decided_s=22.0),)), "wrong_pass"),  # nothing could be stored
        (replace(GOOD, received=(heard(6.5),)), "late_pass"),
    ],
)
def test_what_must_not_happen_is_counted(trace: PartTrace, what: str) -> None:
    assert getattr(counts(trace), what) == 1
    assert not counts(trace).is_clean
    assert tell(trace), "and told with its trigger_id"


@pytest.mark.parametrize(
    "trace",
    [
        replace(GOOD, received=(heard(), heard(1.4))),  # the same verdict again: QoS 1
        replace(GOOD, received=(heard(), heard(60.0))),  # and from a broker that was killed, long after
        replace(GOOD, stored=StoredPart("r", REVIEW, 0), received=(heard(6.5, REVIEW),)),  # late, and the fail-safe
        replace(GOOD, sent_s=19.0, received=(heard(20.5, decided_s=19.9),)),  # stored just before the database went
        replace(GOOD, sent_s=26.0, received=(heard(27.5, decided_s=26.5),)),  # waited for it, and was stored then
    ],
)
def test_what_may_happen_is_clean(trace: PartTrace) -> None:
    assert counts(trace).is_clean
    assert tell(trace) == []


def test_repeated_and_late_verdicts_are_counted_all_the_same() -> None:
    again = replace(GOOD, received=(heard(), heard(1.3), heard(1.4)))
    late = replace(GOOD, stored=StoredPart("r", REVIEW, 0), received=(heard(6.5, REVIEW),))
    assert (counts(again, late).published_twice, counts(again, late).late) == (2, 1)


@pytest.mark.parametrize(
    ("sent_s", "answered_s", "name"),
    [
        (1.0, 1.2, BEFORE_FAULTS),
        (9.9, 10.4, FaultKind.STATION),  # in hand when the station died
        (12.0, 12.1, FaultKind.STATION),
        (19.9, 28.0, FaultKind.DATABASE),
        (9.9, 21.0, FaultKind.STATION),  # the first that struck, though the second found it open too
        (9.5, None, FaultKind.STATION),
        (18.5, None, FaultKind.DATABASE),
        (14.0, None, FaultKind.STATION),
        (12.0, 21.0, FaultKind.STATION),  # sent before the recovery, and open when the second struck
        (13.5, 21.0, FaultKind.DATABASE),
    ],
)
def test_part_is_charged_to_the_fault_that_found_it_open(sent_s: float, answered_s: float | None, name: str) -> None:
    answers = (heard(answered_s),) if answered_s else ()
    assert responsible_fault(replace(GOOD, sent_s=sent_s, received=answers), STRIKES) == name


def test_longest_gap_is_the_silence_at_the_gate_by_fault() -> None:
    moments = [9.0, 9.5, 13.5, 14.0, 19.8, 27.8]
    traces = [replace(GOOD, sent_s=at_s - 0.1, received=(heard(at_s),)) for at_s in moments]
    gaps = longest_gaps(traces, STRIKES)
    assert gaps == pytest.approx({BEFORE_FAULTS: 0.5, FaultKind.STATION: 5.8, FaultKind.DATABASE: 8.0})
    assert fault_report(traces, STRIKES, DEADLINE_S).total.longest_gap_s == pytest.approx(8.0)


moments = st.floats(0.0, 40.0)
verdicts = st.builds(ReceivedVerdict, moments, moments, st.sampled_from("rs"), st.sampled_from(Disposition))
parts = st.builds(
    PartTrace,
    st.text("abc", min_size=1),
    moments,
    st.lists(verdicts, max_size=3).map(lambda some: tuple(sorted(some))),
    st.none() | st.builds(StoredPart, st.sampled_from("rs"), st.sampled_from(Disposition), st.integers(0, 2)),
)


@given(st.lists(parts))
def test_faults_add_up_to_the_total(traces: list[PartTrace]) -> None:
    total, by_fault = fault_report(traces, STRIKES, DEADLINE_S)
    assert total.frames == len(traces)
    for name in ("frames", "verdicts", "lost", "decided_twice", "published_twice", "wrong_pass", "late", "late_pass"):
        assert getattr(total, name) == sum(getattr(each, name) for each in by_fault.values())
    assert total.longest_gap_s == max(each.longest_gap_s for each in by_fault.values())


@given(st.lists(parts))
def test_there_is_a_told_failure_exactly_where_the_counts_are_not_clean(traces: list[PartTrace]) -> None:
    assert bool(tell(*traces)) == (not counts(*traces).is_clean)


def tell(*traces: PartTrace) -> list[dict[str, str]]:
    failures: list[dict[str, str]] = report_document(
        fault_report(traces, STRIKES, DEADLINE_S), traces, STRIKES, DEADLINE_S, AGREEING
    )["failures"]
    return failures


def test_page_says_how_often_each_fault_struck_and_how_long_recovery_took() -> None:
    hopeless = InjectedFault(FaultKind.STATION, 30.0, 30.0, None)
    told = report_document(
        fault_report([GOOD], (*STRIKES, hopeless), DEADLINE_S), [GOOD], (*STRIKES, hopeless), DEADLINE_S, AGREEING
    )["faults"]
    assert [told[FaultKind.STATION][name] for name in ("strikes", "unrecovered", "longest_recovery_s")] == [2, 1, 3.0]
    assert [told[FaultKind.DATABASE][name] for name in ("strikes", "unrecovered", "longest_recovery_s")] == [1, 0, 8.0]
    assert (told[BEFORE_FAULTS]["strikes"], told[BEFORE_FAULTS]["longest_recovery_s"]) == (0, None)


def test_part_that_another_client_acknowledged_is_not_lost_if_the_service_never_had_it() -> None:
    withheld = PartTrace("t-1", 1.0, (), None, taken=True)
    assert counts(withheld).is_clean
    assert tell(withheld) == []
    assert counts(replace(withheld, stored=PROVED)).lost == 1, "stored, and the gate got no verdict"


@pytest.mark.parametrize(
    ("books", "problem"),
    [
        (AGREEING, None),
        (replace(AGREEING, lost=0), "2 frame(s) were kept from the service, the ledger booked 0 as lost"),
        (replace(AGREEING, lost=500), "2 frame(s) were kept from the service, the ledger booked 500 as lost"),
        (replace(AGREEING, unaccounted=7), "7 number(s) of the camera are neither parts nor losses"),
    ],
)
def test_run_is_clean_only_if_the_books_agree(books: LineBooks, problem: str | None) -> None:
    found = report_document(fault_report([GOOD], STRIKES, DEADLINE_S), [GOOD], STRIKES, DEADLINE_S, books)
    assert (found["clean"], found["books"]["problems"]) == (problem is None, [problem] if problem else [])


def attacked(**changes: object) -> dict[str, object]:
    """The result of a run whose only fault is an attack; `changes` are those of the innocent part's verdict."""
    attack = InjectedFault(FaultKind.HOSTILE_CLAIMS, 0.5, 9.0, 9.0, station_grew_mib=float(str(changes.pop("grew", 0))))
    traces = [replace(GOOD, received=(heard()._replace(**changes),))]  # type: ignore[arg-type]
    return report_document(fault_report(traces, [attack], DEADLINE_S), traces, [attack], DEADLINE_S, AGREEING)


@pytest.mark.parametrize(
    ("changes", "notice"),
    [
        ({}, None),
        ({"grew": 20}, None),
        ({"grew": 900}, "hostile-claims: the station's memory grew by 900 MiB"),
        ({"judged": False}, "hostile-claims: of the other camera 0 part(s) were late and 1 not judged"),
        ({"at_s": 60.0}, "hostile-claims: of the other camera 1 part(s) were late and 0 not judged"),
    ],
)
def test_attack_of_one_camera_may_not_be_noticed_by_another(changes: dict[str, object], notice: str | None) -> None:
    found = attacked(**changes)
    assert found["attacks"] == ([notice] if notice else [])
    assert found["clean"] is (notice is None)

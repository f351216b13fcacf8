"""Texts and drawings of the pages, without a browser: sentences, rows, boxes, addresses, shared queries."""

from __future__ import annotations

import asyncio
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.console_parts import a_pass, a_reject
from support.fakes import a_pipeline

from inspector.adapters.console.pages.addresses import list_address, page_address, read_filter
from inspector.adapters.console.pages.boxes import boxes_svg
from inspector.adapters.console.pages.looks import CAMERA_STATES, DISPOSITIONS, FINDINGS, SEVERITIES
from inspector.adapters.console.pages.phrases import REASONS, STOPS, duration, explanation
from inspector.adapters.console.pages.rows import camera_row, part_row, vote_rows
from inspector.adapters.console.pages.shared import SharedQuery
from inspector.adapters.console.schemas import CameraAnswer, PartSummary
from inspector.domain.decision import Decision, Reason, Verdict
from inspector.domain.declared import Disposition, Severity
from inspector.domain.part import PartRecord
from inspector.domain.pipeline import Thresholds
from inspector.domain.vote import StoppedBy
from inspector.errors import LedgerError
from inspector.messages.outgoing import FindingLine, report_message, verdict_message
from inspector.ports.archive import PartFilter, PartRow
from inspector.utc import utc_now


def listed(part: PartRecord) -> PartSummary:
    return PartSummary.of(PartRow(7, part))


def test_every_code_has_words_and_every_state_an_icon() -> None:
    assert set(REASONS) == set(Reason)
    assert set(STOPS) == set(StoppedBy)
    assert set(DISPOSITIONS) == set(Disposition)
    assert set(FINDINGS) == set(Severity)
    looks = [*DISPOSITIONS.values(), *FINDINGS.values(), *SEVERITIES.values(), *CAMERA_STATES.values()]
    assert all(look.icon and look.css for look in looks)


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (a_pass(), "below this line's PASS limit of 0.20"),
        (a_reject(), "above this line's REJECT limit of 0.80"),
        (
            a_pass(decision=Decision(Verdict.INCONCLUSIVE, Disposition.REVIEW, Reason.DISAGREEMENT), p_ng=0.5),
            "between this line's limits 0.20 and 0.80",
        ),
        (
            a_pass(decision=Decision(Verdict.INCONCLUSIVE, Disposition.REVIEW, Reason.OVERLOAD), p_ng=None),
            "All model replicas were busy.",
        ),
    ],
)
def test_the_explanation_names_the_limit_that_decided(part: PartRecord, expected: str) -> None:
    assert expected in explanation(verdict_message(part), Thresholds())


def test_no_limit_is_claimed_when_the_declaration_is_no_longer_known() -> None:
    assert explanation(verdict_message(a_reject()), None) == "Defect found."


@pytest.mark.parametrize(("ms", "expected"), [(None, "–"), (0.0, "0 ms"), (612.7, "613 ms"), (1500.0, "1.50 s")])
def test_durations_are_short(ms: float | None, expected: str) -> None:
    assert duration(ms) == expected


def test_a_row_says_how_much_of_the_deadline_was_used() -> None:
    row = part_row(listed(a_pass(latency_ms=750.0, deadline_ms=1500.0)))
    assert (row["time_used"], row["votes"], row["stopped"]) == (50.0, "1 vote × 1 rung", "100% agree · settled")
    assert part_row(listed(a_pass(latency_ms=9000.0)))["time_used"] == 100.0


def test_an_unreadable_vote_stays_visible() -> None:
    rows = vote_rows(report_message(a_reject()).votes, a_pipeline().thresholds)
    assert [(row["rung"], row["p_ng"]) for row in rows] == [(1, 0.71), (2, 0.97), (2, None)]


def test_an_unknown_camera_is_offered_to_be_connected() -> None:
    now = utc_now()
    camera = CameraAnswer(line="pcb", camera="cam9", known=False, status="online", first_seen=now, last_seen=now,
                          frames=1, lost=0, last_seq=None)  # fmt: skip
    assert camera_row(camera)["state"] == "unknown, connect it?"


shares = st.floats(0.0, 1.0, allow_nan=False)


@given(st.text(max_size=60), st.text(max_size=20), st.tuples(shares, shares, shares, shares))
def test_boxes_are_well_formed_whatever_the_finding_says(
    defect: str, description: str, box: tuple[float, float, float, float]
) -> None:
    printable = "".join(c for c in defect if c.isprintable())
    finding = FindingLine(defect=printable, severity=Severity.MINOR, bbox_norm=box, description=description)
    drawn = ElementTree.fromstring(boxes_svg([finding]))
    assert [each.tag for each in drawn.iter()] == ["svg", "g", "rect", "rect", "text"]


def test_a_finding_without_a_box_draws_nothing_and_keeps_the_others_rank() -> None:
    lines = [
        FindingLine(defect=name, severity=Severity.MAJOR, bbox_norm=box, description="")
        for name, box in (("other", None), ("missing_hole", (0.1, 0.2, 0.3, 0.4)))
    ]
    assert ">2 missing hole<" in boxes_svg(lines)
    assert boxes_svg(lines).count("<rect") == 2


@pytest.mark.parametrize("wanted", [PartFilter(), PartFilter(line="pcb"), PartFilter("pcb", None, "REJECT", "DEFECT")])
def test_a_filter_survives_its_address(wanted: PartFilter) -> None:
    query = dict(pair.split("=") for pair in list_address(wanted).partition("?")[2].split("&") if pair)
    assert read_filter(query.get("line", ""), query.get("disposition", ""), query.get("reason", "")) == wanted


def test_addresses_with_foreign_values_mean_any() -> None:
    assert read_filter("../x", "MAYBE", "<b>") == PartFilter()
    assert page_address("a/b?c") == "/part/a%2Fb%3Fc"


async def test_twenty_tabs_ask_the_archive_once() -> None:
    asked = []

    async def ask(minutes: int) -> int:
        asked.append(minutes)
        await asyncio.sleep(0)
        return minutes

    shared = SharedQuery(ask, cache_s=60.0)
    assert await asyncio.gather(*(shared(15) for _ in range(20))) == [15] * 20
    assert await shared(60) == 60
    assert asked == [15, 60]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_an_old_answer_is_asked_for_again() -> None:
    answers, clock = iter(range(10)), Clock()

    async def ask() -> int:
        return next(answers)

    shared = SharedQuery(ask, 1.0, clock)
    seen = []
    for clock.now in (0.0, 1.0, 1.1, 2.0, 2.2):
        seen.append(await shared())
    assert seen == [0, 0, 1, 1, 2]


async def test_an_archive_that_answers_slowly_is_asked_less_often() -> None:
    clock, asked = Clock(), []

    async def ask() -> None:
        asked.append(clock.now)
        clock.now += 2.0

    shared = SharedQuery(ask, 1.0, clock)
    await shared()
    for clock.now in (3.5, 7.9, 8.1):
        await shared()
    assert asked == [0.0, 8.1]


async def test_an_error_is_shared_and_then_forgotten() -> None:
    outcomes, clock = [LedgerError("away"), None], Clock()

    async def ask() -> str:
        if error := outcomes.pop(0):
            raise error
        return "back"

    shared = SharedQuery(ask, 1.0, clock)
    for _ in range(2):
        with pytest.raises(LedgerError, match="away"):
            await shared()
    clock.now = 1.1
    assert await shared() == "back"


async def test_a_tab_that_closes_does_not_cancel_the_others_answer() -> None:
    go = asyncio.Event()

    async def ask() -> str:
        await go.wait()
        return "answer"

    shared = SharedQuery(ask, cache_s=60.0)
    closing, staying = asyncio.ensure_future(shared()), asyncio.ensure_future(shared())
    await asyncio.sleep(0)
    closing.cancel()
    go.set()
    assert await staying == "answer"

"""What the story may rely on: the promises of `ports.Ledger`, kept by the database and by its fake alike."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from support.databases import Opened
from support.fakes import NOON, REJECTED, MemoryLedger, a_part, a_pipeline, a_verdict, new_version

from inspector.adapters.ledger import DeclaredVersion, store_versions
from inspector.domain.decision import Reason, fail_safe
from inspector.domain.declared import Disposition, Severity
from inspector.domain.part import Evidence, PartRecord, PartState
from inspector.domain.reconciliation import Gap
from inspector.domain.report import Box, Finding, Words, WordsState
from inspector.errors import LedgerError
from inspector.messages.outgoing import ReportMessage, report_message, to_json, verdict_message
from inspector.messages.withdrawal import report_id
from inspector.ports.archive import EventFilter, PartFilter
from inspector.ports.broker import OutgoingMessage
from inspector.ports.ledger import CameraActivity, Event, Recorded, StoredVerdict

PENDING = Words(WordsState.PENDING)
WRITTEN = Words(
    WordsState.WRITTEN, (Finding("scratch", Severity.MAJOR, Box(0.1, 0.2, 0.3, 0.4), "near the rim"),), "{}", 20, 310.0
)


def report_of(part: PartRecord) -> OutgoingMessage:
    return OutgoingMessage(f"{part.result_id}/report", "inspector/v1/pcb/cam1/report", b"{}")


async def test_recorded_part_is_found_with_its_verdict(opened: Opened) -> None:
    part, verdict = a_part(), OutgoingMessage("m-1", "a/verdict", b"\x00\xff", True, b"\x01")
    assert await opened.ledger.record(part, [report_of(part), verdict])
    assert await opened.ledger.find(part.identity) == StoredVerdict(part.result_id, verdict)


async def test_part_without_messages_is_found_without_a_verdict(opened: Opened) -> None:
    part = a_part()
    await opened.ledger.record(part, [])
    assert await opened.ledger.find(part.identity) == StoredVerdict(part.result_id, None)


async def test_unknown_key_is_not_found(opened: Opened) -> None:
    await opened.ledger.record(a_part("t-1"), [])
    assert await opened.ledger.find(a_part(camera="cam2").identity) is None


async def test_key_is_decided_once_and_the_first_decision_stays(opened: Opened) -> None:
    first = a_part(result_id="first")
    second = a_part(result_id="second", decision=REJECTED, words=WRITTEN)
    assert await opened.ledger.record(first, [a_verdict(first)])
    assert not await opened.ledger.record(second, [a_verdict(second)])
    row = opened.archive.part("first")
    assert row is not None
    assert row.part == first
    assert opened.archive.part("second") is None
    assert await opened.ledger.unpublished(None, 10) == [a_verdict(first)]


async def test_same_record_again_changes_nothing(opened: Opened) -> None:
    part = a_part()
    assert await opened.ledger.record(part, [a_verdict(part)])
    assert not await opened.ledger.record(part, [a_verdict(part)])


async def test_of_copies_recorded_at_once_exactly_one_is_stored(opened: Opened) -> None:
    copies = [a_part(result_id=f"copy-{number}") for number in range(20)]
    stored = await asyncio.gather(*(opened.ledger.record(copy, [a_verdict(copy)]) for copy in copies))
    assert sum(stored) == 1
    known = await opened.ledger.find(copies[0].identity)
    assert known is not None
    assert known.result_id == copies[stored.index(Recorded.NEW)].result_id
    assert len(await opened.ledger.unpublished(None, 100)) == 1


async def test_a_pass_is_withdrawn_only_while_its_verdict_waits(opened: Opened) -> None:
    waiting, published = a_part("t-1"), a_part("t-2")
    for part in (waiting, published):
        await opened.ledger.record(part, [a_verdict(part)])
    await opened.ledger.confirm([published.result_id])
    safe = fail_safe(Disposition.REVIEW, Reason.DEADLINE, "told too late")
    parts = (waiting.result_id, published.result_id, "nobody")
    assert [await opened.ledger.withdraw(part, safe, b"instead") for part in parts] == [True, False, False]
    row, other = (opened.archive.part(part.result_id) for part in (waiting, published))
    assert row is not None
    assert other is not None
    assert row.part == replace(waiting, decision=safe, late=True)
    assert other.part == replace(published, state=PartState.PUBLISHED)
    [message] = await opened.ledger.unpublished(None, 10)
    assert message == a_verdict(waiting)._replace(payload=b"instead")


async def test_report_that_waits_says_what_its_verdict_became(opened: Opened) -> None:
    part, safe = a_part(), fail_safe(Disposition.REVIEW, Reason.DEADLINE, "told too late")
    report = OutgoingMessage(report_id(part.result_id), "a/report", to_json(report_message(part)))
    await opened.ledger.record(part, [a_verdict(part), report])
    instead = verdict_message(replace(part, decision=safe, late=True))
    await opened.ledger.withdraw(part.result_id, safe, to_json(instead))
    waiting = {message.message_id: message for message in await opened.ledger.unpublished(None, 10)}
    written = ReportMessage.model_validate_json(waiting[report.message_id].payload)
    assert (written.verdict, written.detail) == (instead, "told too late")


async def test_what_the_gate_was_told_while_a_pass_was_being_stored_is_what_the_ledger_holds(opened: Opened) -> None:
    waiting, published = a_part("t-1"), a_part("t-2")
    for part in (waiting, published):
        await opened.ledger.record(part, [a_verdict(part)])
    await opened.ledger.confirm([published.result_id])
    safe = fail_safe(Disposition.REVIEW, Reason.SAFE_MODE, "not stored in time")
    parts = (waiting.result_id, published.result_id, "nobody")
    assert [await opened.ledger.withdraw(part, safe, b"told", in_time=True) for part in parts] == [True, True, False]
    rows = [opened.archive.part(part.result_id) for part in (waiting, published)]
    assert [row.part for row in rows if row] == [
        replace(waiting, decision=safe),
        replace(published, decision=safe, state=PartState.PUBLISHED),
    ]
    known = await opened.ledger.find(published.identity)
    assert known is not None
    assert known.verdict == a_verdict(published)._replace(payload=b"told")


async def test_words_are_added_later_with_the_messages_that_carry_them(opened: Opened) -> None:
    part = a_part(words=PENDING)
    await opened.ledger.record(part, [a_verdict(part)])
    await opened.ledger.finish_words(part.result_id, WRITTEN, [report_of(part)])
    row = opened.archive.part(part.result_id)
    assert row is not None
    assert row.part == replace(part, words=WRITTEN)
    assert await opened.ledger.unpublished(None, 10) == [a_verdict(part), report_of(part)]


async def test_words_finished_twice_stay_as_they_were_first(opened: Opened) -> None:
    part = a_part(words=PENDING)
    await opened.ledger.record(part, [])
    await opened.ledger.finish_words(part.result_id, WRITTEN, [report_of(part)])
    await opened.ledger.finish_words(part.result_id, Words(WordsState.MISSING), [report_of(part)])
    row = opened.archive.part(part.result_id)
    assert row is not None
    assert row.part.words == WRITTEN
    assert await opened.ledger.unpublished(None, 10) == [report_of(part)]


async def test_words_of_an_unknown_part_are_refused(opened: Opened) -> None:
    with pytest.raises(LedgerError, match="no part has result_id 'nobody'; record the part before its words"):
        await opened.ledger.finish_words("nobody", WRITTEN, [])


async def test_unfinished_words_are_those_of_my_lines(opened: Opened) -> None:
    mine, done, other = a_part("t-1", words=PENDING), a_part("t-2"), a_part("t-3", line="casting", words=PENDING)
    for part in (mine, done, other):
        await opened.ledger.record(part, [])
    assert await opened.ledger.unfinished_words(["pcb", "solar"]) == [mine]
    assert await opened.ledger.unfinished_words([]) == []


async def test_unpublished_come_oldest_first_and_at_most_as_many_as_asked(opened: Opened) -> None:
    parts = [a_part(f"t-{number}") for number in range(5)]
    for part in parts:
        await opened.ledger.record(part, [a_verdict(part)])
    assert await opened.ledger.unpublished(None, 3) == [a_verdict(part) for part in parts[:3]]


async def test_unpublished_are_those_of_my_lines(opened: Opened) -> None:
    mine, other = a_part("t-1"), a_part("t-2", line="casting")
    for part in (mine, other):
        await opened.ledger.record(part, [a_verdict(part)])
    assert await opened.ledger.unpublished(["casting"], 10) == [a_verdict(other)]
    assert await opened.ledger.unpublished([], 10) == []


async def test_confirmed_verdict_makes_its_part_published(opened: Opened) -> None:
    part = a_part()
    await opened.ledger.record(part, [a_verdict(part), report_of(part)])
    await opened.ledger.confirm([report_of(part).message_id])
    assert state_of(opened, part) is PartState.DECIDED
    await opened.ledger.confirm([a_verdict(part).message_id])
    assert state_of(opened, part) is PartState.PUBLISHED
    assert await opened.ledger.unpublished(None, 10) == []


async def test_confirming_twice_or_nothing_or_the_unknown_is_allowed(opened: Opened) -> None:
    part = a_part()
    await opened.ledger.record(part, [a_verdict(part)])
    for message_ids in ([], ["unknown"], [part.result_id], [part.result_id, part.result_id]):
        await opened.ledger.confirm(message_ids)
    assert state_of(opened, part) is PartState.PUBLISHED


async def test_confirmed_verdict_can_still_be_repeated(opened: Opened) -> None:
    part = a_part()
    await opened.ledger.record(part, [a_verdict(part)])
    await opened.ledger.confirm([part.result_id])
    assert await opened.ledger.find(part.identity) == StoredVerdict(part.result_id, a_verdict(part))


async def test_same_picture_of_two_parts_is_one_evidence(opened: Opened) -> None:
    picture = Evidence("a" * 64, "image/jpeg", 1000, 64, 48)
    for number in range(2):
        assert await opened.ledger.record(a_part(f"t-{number}", evidence=picture), [])
    assert [row.part.evidence for row in opened.archive.parts(PartFilter(), 10)] == [picture, picture]


async def test_sightings_of_a_camera_add_up(opened: Opened) -> None:
    later = NOON + timedelta(seconds=1)
    await opened.ledger.add_camera_activity(
        [CameraActivity("pcb", "cam1", NOON, False, 3, (Gap(9, 9, NOON, 1),), 10, "online")]
    )
    two_more = CameraActivity("pcb", "cam1", later, True, 4, (Gap(11, 11, later, 1), Gap(13, 13, later, 1)))
    await opened.ledger.add_camera_activity([two_more, CameraActivity("pcb", "cam0", NOON, True)])
    first, second = await opened.ledger.cameras()
    assert (first.camera, first.frames, first.status) == ("cam0", 0, None)
    assert (second.frames, second.lost, second.known) == (7, 3, True)
    assert (second.last_seq, second.status) == (10, "online"), "what a sighting does not say stays as it was"
    assert (second.first_seen, second.last_seen) == (NOON, later)
    assert opened.archive.list_cameras() == [first, second]


async def test_late_sighting_does_not_turn_the_clock_back(opened: Opened) -> None:
    await opened.ledger.add_camera_activity([CameraActivity("pcb", "cam1", NOON, True)])
    await opened.ledger.add_camera_activity([CameraActivity("pcb", "cam1", NOON - timedelta(hours=1), True)])
    assert [row.last_seen for row in await opened.ledger.cameras()] == [NOON]


async def test_two_sightings_of_one_camera_in_one_call_both_count(opened: Opened) -> None:
    await opened.ledger.add_camera_activity(
        [CameraActivity("pcb", "cam1", NOON, True, 1), CameraActivity("pcb", "cam1", NOON, True, 2)]
    )
    assert [row.frames for row in await opened.ledger.cameras()] == [3]


async def test_events_are_listed_newest_first_and_an_id_counts_once(opened: Opened) -> None:
    events = [Event(f"e-{number}", "pcb", None, "SKEW", "WARNING", "clock \udce9\x00", NOON, 7) for number in range(3)]
    await opened.ledger.add_events(events[:2])
    await opened.ledger.add_events(events[1:])
    newest = opened.archive.event_page(EventFilter(), 2)
    assert [row.event for row in newest] == [events[2], events[1]]
    assert [row.event for row in opened.archive.event_page(EventFilter(before=newest[-1].number), 2)] == [events[0]]


async def test_newest_version_of_every_line_is_given(opened: Opened) -> None:
    first, second = a_pipeline("pcb"), a_pipeline("pcb", product="circuit board")
    versions = [
        new_version(first, 1, ()),
        new_version(second, 2, ("a" * 64,)),
        new_version(a_pipeline("casting"), 1, ()),
    ]
    if isinstance(opened.ledger, MemoryLedger):
        opened.ledger.versions = versions
    else:
        for version in versions:
            store_versions(
                opened.url, [DeclaredVersion(version.pipeline, version.golden, parent=version.version - 1 or None)]
            )
    assert await opened.ledger.pipelines() == [versions[2], versions[1]]
    assert opened.archive.list_pipelines() == [versions[2], versions[1]]


def state_of(opened: Opened, part: PartRecord) -> PartState:
    row = opened.archive.part(part.result_id)
    assert row is not None
    return row.part.state

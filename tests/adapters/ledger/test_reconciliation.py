"""What gate and PLC say is kept, and the books of a line balance: on both databases as in the fake."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from support.databases import Opened, execute, fetch
from support.fakes import NOON, REJECTED, a_part, a_verdict

from inspector.adapters.ledger import SqlArchive, SqlLedger
from inspector.domain.decision import Reason, fail_safe
from inspector.domain.declared import Disposition
from inspector.domain.frame import FrameKey
from inspector.domain.part import PartRecord, PartState
from inspector.domain.reconciliation import Ack, Balance, CountComparison, Gap, MissingAck, RunSpan, TriggerCount
from inspector.ports.ledger import CameraActivity, Ledger, NewestRun
from inspector.utc import utc_now

HOUR = timedelta(hours=1)


def ack(part: PartRecord, disposition: Disposition = Disposition.PASS) -> Ack:
    return Ack(part.key, disposition, NOON)


def count(triggers: int, since: datetime = NOON) -> TriggerCount:
    return TriggerCount("pcb", "cam1", triggers, since, NOON + HOUR, NOON + HOUR)


def state_of(opened: Opened, part: PartRecord) -> PartState:
    row = opened.archive.part(part.result_id)
    assert row is not None
    return row.part.state


# ---------------------------------------------------------------------- the gate


async def test_acknowledged_part_says_what_its_verdict_was(opened: Opened) -> None:
    part = a_part(decision=REJECTED)
    await opened.ledger.record(part, [a_verdict(part)])
    assert await opened.ledger.acknowledge(ack(part)) is Disposition.REJECT
    assert state_of(opened, part) is PartState.ACKNOWLEDGED


async def test_nobody_can_acknowledge_an_unknown_part(opened: Opened) -> None:
    assert await opened.ledger.acknowledge(Ack(FrameKey("pcb", "cam1", "t-9"), Disposition.PASS, NOON)) is None


async def test_acknowledging_proves_that_the_verdict_was_published(opened: Opened) -> None:
    part = a_part()
    await opened.ledger.record(part, [a_verdict(part)])
    await opened.ledger.acknowledge(ack(part))
    assert await opened.ledger.unpublished(None, 10) == []
    await opened.ledger.confirm([part.result_id])
    assert state_of(opened, part) is PartState.ACKNOWLEDGED, "a confirmation that comes later changes nothing"


async def test_a_gate_that_acts_by_its_timer_does_not_prove_that_it_had_the_verdict(opened: Opened) -> None:
    """It says REJECT of a part whose PASS still waits: that PASS can still be taken back."""
    part = a_part()
    await opened.ledger.record(part, [a_verdict(part)._replace(ack_within_ms=1.0)])
    assert await opened.ledger.acknowledge(ack(part, Disposition.REJECT)) is Disposition.PASS
    assert [message.message_id for message in await opened.ledger.unpublished(None, 10)] == [part.result_id]
    late = fail_safe(Disposition.REVIEW, Reason.DEADLINE, "late")
    assert await opened.ledger.withdraw(part.result_id, late, b"{}")
    await opened.ledger.confirm([part.result_id])
    assert state_of(opened, part) is PartState.ACKNOWLEDGED
    assert await opened.ledger.unacknowledged(None, utc_now() + HOUR) == [], "nobody waits for a second one"


async def test_a_gate_that_names_the_result_had_its_verdict(opened: Opened) -> None:
    part = a_part()
    await opened.ledger.record(part, [a_verdict(part)])
    await opened.ledger.acknowledge(replace(ack(part, Disposition.REJECT), result_id=part.result_id))
    assert await opened.ledger.unpublished(None, 10) == []


async def test_first_acknowledgement_of_a_part_stays(opened: Opened) -> None:
    part = a_part()
    await opened.ledger.record(part, [a_verdict(part)])
    await opened.ledger.acknowledge(ack(part))
    assert await opened.ledger.acknowledge(ack(part, Disposition.REJECT)) is Disposition.PASS
    if opened.url:
        assert fetch(opened.url, "SELECT gate_disposition FROM parts") == [("PASS",)]


async def published(opened: Opened, part: PartRecord, ack_within_ms: float | None) -> None:
    await opened.ledger.record(part, [a_verdict(part)._replace(ack_within_ms=ack_within_ms)])
    await opened.ledger.confirm([part.result_id])


async def test_verdict_not_acknowledged_in_time_is_told_once(opened: Opened) -> None:
    part = a_part()
    await published(opened, part, 60_000.0)
    assert await opened.ledger.unacknowledged(None, utc_now()) == []
    later = utc_now() + timedelta(minutes=2)
    assert await opened.ledger.unacknowledged(["casting"], later) == []
    assert await opened.ledger.unacknowledged(["pcb"], later) == [MissingAck(part.key, 60_000.0)]
    assert await opened.ledger.unacknowledged(None, later) == []


async def test_acknowledged_unpublished_and_free_verdicts_are_not_overdue(opened: Opened) -> None:
    acknowledged, waiting, free = (a_part(f"t-{number}") for number in range(3))
    await published(opened, acknowledged, 1.0)
    await opened.ledger.acknowledge(ack(acknowledged))
    await opened.ledger.record(waiting, [a_verdict(waiting)._replace(ack_within_ms=1.0)])
    await published(opened, free, None)
    assert await opened.ledger.unacknowledged(None, utc_now() + HOUR) == []


async def test_repeated_confirmation_does_not_ask_again(opened: Opened) -> None:
    part = a_part()
    await published(opened, part, 1.0)
    later = utc_now() + HOUR
    assert len(await opened.ledger.unacknowledged(None, later)) == 1
    await opened.ledger.confirm([part.result_id])
    assert await opened.ledger.unacknowledged(None, later + HOUR) == []


# ---------------------------------------------------------------------- the PLC


async def test_count_is_compared_with_parts_and_losses_of_its_time(opened: Opened) -> None:
    times = {"before": NOON - HOUR, "first": NOON, "last": NOON + HOUR / 2, "after": NOON + HOUR}
    for name, at in times.items():
        await opened.ledger.record(a_part(name, captured_at=at, decided_at=at + HOUR), [])
    await opened.ledger.record(a_part("other", camera="cam2", captured_at=NOON), [])
    gaps = (Gap(3, 5, NOON + HOUR / 2, 1), Gap(9, 9, NOON + 2 * HOUR, 1))
    await opened.ledger.add_camera_activity([CameraActivity("pcb", "cam1", NOON + HOUR, True, gaps=gaps)])
    await opened.ledger.add_count(count(7))
    assert await opened.ledger.compare_counts(None, NOON) == [], "its frames may still be on their way"
    [comparison] = await opened.ledger.compare_counts(None, NOON + 2 * HOUR)
    assert comparison == (count(7), 2, 3)
    assert comparison.difference == 2
    assert await opened.ledger.compare_counts(None, NOON + 2 * HOUR) == []


@pytest.mark.parametrize("ahead_h", [-9, -2, 2, 14])
async def test_a_clock_that_camera_and_plc_share_may_be_hours_off(opened: Opened, ahead_h: int) -> None:
    """As a local time that is sent as UTC: its parts and losses are those of its hour."""
    ahead = ahead_h * HOUR
    for minute in (0, 30):
        at = NOON + timedelta(minutes=minute)
        await opened.ledger.record(
            a_part(f"t-{minute}", captured_at=at + ahead, received_at=at, decided_at=at + timedelta(seconds=1)), []
        )
    gaps = (Gap(3, 5, NOON + HOUR / 2, 1), Gap(9, 9, NOON + 2 * HOUR, 1))
    await opened.ledger.add_camera_activity([CameraActivity("pcb", "cam1", NOON + HOUR, True, gaps=gaps)])
    counted = TriggerCount("pcb", "cam1", 5, NOON + ahead, NOON + HOUR + ahead, NOON + HOUR)
    await opened.ledger.add_count(counted)
    assert await opened.ledger.compare_counts(None, NOON + 2 * HOUR) == [CountComparison(counted, 2, 3)]


async def test_a_count_from_the_beginning_of_the_calendar_is_compared(opened: Opened) -> None:
    """An earlier version stored such a count of a PLC without a clock."""
    unset = count(1, since=datetime.min.replace(tzinfo=UTC))
    await opened.ledger.record(a_part(captured_at=NOON), [])
    await opened.ledger.add_count(unset)
    assert await opened.ledger.compare_counts(None, NOON + 2 * HOUR) == [CountComparison(unset, 1, 0)]


async def test_part_without_capture_time_counts_when_it_was_received(opened: Opened) -> None:
    await opened.ledger.record(a_part(received_at=NOON + HOUR / 2, decided_at=NOON + HOUR / 2), [])
    await opened.ledger.add_count(count(1))
    [comparison] = await opened.ledger.compare_counts(["pcb"], NOON + 2 * HOUR)
    assert comparison.difference == 0


async def test_same_count_again_is_one_count(opened: Opened) -> None:
    await asyncio.gather(*(opened.ledger.add_count(count(5)) for _ in range(3)))
    await opened.ledger.add_count(count(6))
    compared = await opened.ledger.compare_counts(None, NOON + 2 * HOUR)
    assert [each.counted.triggers for each in compared] == [5]


async def test_decided_numbers_are_those_of_one_run_of_a_camera(opened: Opened) -> None:
    for seq in (9, 3, 2, 1):
        await opened.ledger.record(a_part(f"t-{seq}", seq=seq), [])
    await opened.ledger.record(a_part("again", seq=4, run=2), [])
    await opened.ledger.record(a_part("other", seq=5, camera="cam2"), [])
    assert await opened.ledger.decided_seqs("pcb", "cam1", 1, 2, 6) == [2, 3]
    assert await opened.ledger.decided_seqs("pcb", "cam1", 2, 2, 6) == [4]


async def test_newest_run_of_a_camera_is_that_of_its_newest_part(opened: Opened) -> None:
    """A single wrong number began run 3; the camera went on in run 2."""
    for name, run, seq in (("a", 1, 500), ("b", 2, 7), ("c", 2, 8), ("d", 3, 999_999), ("e", 2, 9)):
        await opened.ledger.record(a_part(name, run=run, seq=seq), [])
    await opened.ledger.record(a_part("f", camera="cam2", seq=3), [])
    await opened.ledger.record(a_part("g", camera="cam3"), [])
    assert await opened.ledger.newest_runs() == [
        NewestRun("pcb", "cam1", 2, 7, 3),
        NewestRun("pcb", "cam2", 1, 3, 1),
    ]


# ---------------------------------------------------------------------- the sums


async def fill(ledger: Ledger, *seqs: int, at: datetime = NOON, name: str = "t", run: int = 1) -> None:
    """Parts in the order given, published."""
    for number, seq in enumerate(seqs):
        received_at = at + timedelta(seconds=number)
        part = a_part(f"{name}-{seq}", seq=seq, received_at=received_at, run=run)
        await ledger.record(part, [a_verdict(part)])
        await ledger.confirm([part.result_id])


def books(url: str, *, settled: datetime = NOON + HOUR) -> Balance:
    archive = SqlArchive(url)
    try:
        return archive.balance("pcb", utc_now(), settled)
    finally:
        archive.close()


async def test_books_of_a_line_without_gaps_balance(database: str) -> None:
    async with SqlLedger(database) as ledger:
        await fill(ledger, 5, 6, 8, 7, 9)
        await ledger.record(a_part("elsewhere", line="casting", seq=77), [])
        waiting = a_part("waiting", seq=10)
        await ledger.record(waiting, [a_verdict(waiting)])
    found = books(database)
    assert found.problems() == []
    assert (found.triggers_seen, found.decided, found.published, found.pending) == (6, 6, 5, 1)


async def test_recorded_loss_explains_a_hole_and_an_unrecorded_one_does_not(database: str) -> None:
    async with SqlLedger(database) as ledger:
        await fill(ledger, 1, 4, 8)
        await ledger.add_camera_activity(
            [CameraActivity("pcb", "cam1", NOON, True, gaps=(Gap(2, 3, NOON + timedelta(seconds=1), 1),))]
        )
    found = books(database)
    assert (found.lost, found.unaccounted, found.triggers_seen) == (2, 3, 8)
    [camera] = found.cameras
    assert camera.unaccounted == (RunSpan(1, 5, 7),)
    assert found.problems() == ["cam1: 3 trigger(s) neither decided nor recorded as lost: seq 5 to 7"]


async def test_part_that_came_after_it_was_given_up_is_decided_and_not_lost(database: str) -> None:
    async with SqlLedger(database) as ledger:
        await fill(ledger, 1, 4)
        await ledger.add_camera_activity([CameraActivity("pcb", "cam1", NOON, True, gaps=(Gap(2, 3, NOON, 1),))])
        await fill(ledger, 3, at=NOON + timedelta(seconds=30))
    found = books(database)
    assert (found.decided, found.lost, found.unaccounted) == (3, 1, 0)


async def test_hole_of_the_last_moments_is_in_flight(database: str) -> None:
    async with SqlLedger(database) as ledger:
        await fill(ledger, 1, 3)
    found = books(database, settled=NOON)
    assert (found.in_flight, found.unaccounted) == (1, 0)
    assert found.problems() == []


async def test_books_are_kept_for_each_run_of_the_counter(database: str) -> None:
    """Both runs use the same numbers: a loss of the first explains no hole of the second."""
    losses = (Gap(3, 3, NOON, 1), Gap(1, 2, NOON, 2), Gap(5, 5, NOON, 2))
    async with SqlLedger(database) as ledger:
        await fill(ledger, 1, 2, 4, 5)
        await fill(ledger, 4, 6, 8, at=NOON + timedelta(minutes=10), name="again", run=2)
        await ledger.add_camera_activity([CameraActivity("pcb", "cam1", NOON, True, gaps=losses)])
    found = books(database)
    [camera] = found.cameras
    assert (camera.lost, camera.runs) == (4, 2), "the first frames of the second run were lost too"
    assert camera.unaccounted == (RunSpan(2, 7, 7),)


async def test_losses_of_a_camera_without_a_part_are_in_the_books(database: str) -> None:
    async with SqlLedger(database) as ledger:
        await ledger.add_camera_activity([CameraActivity("pcb", "cam1", NOON, True, gaps=(Gap(3, 5, NOON, 1),))])
    assert books(database).lost == 3


async def test_part_whose_verdict_was_never_to_be_published_does_not_balance(database: str) -> None:
    async with SqlLedger(database) as ledger:
        await ledger.record(a_part(), [])
    assert books(database).problems() == ["1 decided, but 0 published and 0 waiting in the outbox"]


async def test_newest_comparison_of_each_camera_is_in_the_books(database: str) -> None:
    async with SqlLedger(database) as ledger:
        await fill(ledger, 1, 2)
        await ledger.add_count(count(9, since=NOON - HOUR))
        await ledger.add_count(count(2))
        await ledger.compare_counts(None, utc_now())
    found = books(database)
    assert [each.counted.triggers for each in found.compared] == [2]
    assert found.problems() == []


async def test_acknowledged_parts_count_as_published(database: str) -> None:
    async with SqlLedger(database) as ledger:
        await fill(ledger, 1, 2)
        await ledger.acknowledge(Ack(FrameKey("pcb", "cam1", "t-2"), Disposition.PASS, NOON))
    found = books(database)
    assert (found.published, found.acknowledged) == (2, 1)
    assert found.problems() == []


async def test_books_of_nothing_balance(database: str) -> None:
    found = books(database)
    assert (found.triggers_seen, found.problems()) == (0, [])


async def test_row_that_vanished_is_noticed(database: str) -> None:
    """Whatever else goes wrong: a decided part can't leave the books unseen."""
    async with SqlLedger(database) as ledger:
        await fill(ledger, 1, 2, 3)
    execute(
        database,
        "DELETE FROM outbox WHERE part = 2",
        "DELETE FROM votes WHERE part = 2",
        "DELETE FROM parts WHERE number = 2",
    )
    assert books(database).unaccounted == 1

"""Parts by what names them: the same identity is one part, and a trigger_id may name several."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from support.databases import Opened
from support.fakes import NOON, a_part, a_verdict

from inspector.domain.declared import Disposition
from inspector.domain.part import PartRecord
from inspector.domain.reconciliation import Ack
from inspector.messages.outgoing import GateDeadline, to_json, verdict_message
from inspector.ports.broker import OutgoingMessage
from inspector.ports.ledger import Recorded

FIRST = a_part(result_id="first", received_sha256="aa" * 32, part_id="SN1")
OTHERS = [
    replace(FIRST, result_id="picture", received_sha256="bb" * 32),
    replace(FIRST, result_id="part", part_id="SN2"),
    replace(FIRST, result_id="no part", part_id=None),
    replace(FIRST, result_id="nothing received", received_sha256=""),
]


@pytest.mark.parametrize("other", OTHERS, ids=lambda part: part.result_id)
async def test_another_picture_or_part_id_is_another_part(opened: Opened, other: PartRecord) -> None:
    assert await opened.ledger.record(FIRST, []) is Recorded.NEW
    assert await opened.ledger.record(other, []) is Recorded.REUSED
    assert await opened.ledger.record(replace(other, result_id="again"), []) is Recorded.KNOWN
    for part in (FIRST, other):
        found = await opened.ledger.find(part.identity)
        assert found is not None
        assert found.result_id == part.result_id
        row = opened.archive.part(part.result_id)
        assert row is not None
        assert row.part.identity == part.identity


async def test_trigger_of_another_lot_is_no_reuse(opened: Opened) -> None:
    lots = [replace(FIRST, result_id=lot, unique_by=f'{{"lot":"{lot}"}}') for lot in ("L1", "L2")]
    assert [await opened.ledger.record(part, []) for part in lots] == [Recorded.NEW] * 2


async def test_reuse_within_one_transaction_is_noticed(opened: Opened) -> None:
    recorded = await asyncio.gather(*(opened.ledger.record(part, []) for part in (FIRST, *OTHERS)))
    assert recorded == [Recorded.NEW] + [Recorded.REUSED] * 4


async def test_key_lists_its_parts_newest_first(opened: Opened) -> None:
    for part in (FIRST, *OTHERS, a_part("t-2")):
        await opened.ledger.record(part, [])
    named = await opened.ledger.candidates(FIRST.key)
    assert [each.result_id for each in named] == [part.result_id for part in (FIRST, *OTHERS)][::-1]
    assert named[-1].identity == FIRST.identity
    assert await opened.ledger.candidates(a_part(camera="cam2").key) == []


async def test_trigger_id_alone_acknowledges_the_newest_part_and_a_result_id_its_own(opened: Opened) -> None:
    newer = replace(OTHERS[0], result_id="newer")
    for part in (FIRST, newer):
        await opened.ledger.record(part, [a_verdict(part)])
    asked = Ack(FIRST.key, Disposition.PASS, NOON)
    assert await opened.ledger.acknowledge(asked) is Disposition.PASS
    assert states(opened) == {"first": "DECIDED", "newer": "ACKNOWLEDGED"}
    assert await opened.ledger.acknowledge(replace(asked, result_id="first")) is Disposition.PASS
    assert states(opened) == {"first": "ACKNOWLEDGED", "newer": "ACKNOWLEDGED"}


async def test_gate_acknowledges_no_part_of_another_camera(opened: Opened) -> None:
    await opened.ledger.record(FIRST, [a_verdict(FIRST)])
    other = Ack(FIRST.key._replace(camera="cam2", trigger_id=""), Disposition.PASS, NOON, result_id="first")
    assert await opened.ledger.acknowledge(other) is None
    assert states(opened) == {"first": "DECIDED"}


async def test_parts_are_open_until_their_gate_has_acted(opened: Opened) -> None:
    early = replace(FIRST, result_id="early", deadline_ms=60_000.0)  # captured long before it came
    silent = replace(OTHERS[0], result_id="silent", deadline_ms=5000.0)
    await opened.ledger.record(early, [timed_verdict(early, NOON + timedelta(seconds=1))])
    await opened.ledger.record(silent, [])
    after = timedelta(seconds=10)

    async def still_open(seconds: float) -> list[str]:
        return [part.result_id for part in await opened.ledger.open_parts(NOON + timedelta(seconds=seconds), after)]

    listed = await opened.ledger.open_parts(NOON, after)
    assert [part.identity for part in listed] == [early.identity, silent.identity]
    assert [part.gate_by for part in listed] == [NOON + timedelta(seconds=1), NOON + timedelta(seconds=5)]
    assert "silent" in await still_open(14.9)
    assert "silent" not in await still_open(15.1)


def timed_verdict(part: PartRecord, gate_by: object) -> OutgoingMessage:
    deadline = GateDeadline(gate_by, Disposition.REVIEW)  # type: ignore[arg-type]
    return a_verdict(part)._replace(payload=to_json(verdict_message(part, deadline)))


def states(opened: Opened) -> dict[str, str]:
    rows = [opened.archive.part(result_id) for result_id in ("first", "newer")]
    return {row.part.result_id: str(row.part.state) for row in rows if row}

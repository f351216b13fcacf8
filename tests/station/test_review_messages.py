"""Messages about reviews, which another process stores, reach the broker once."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from support.fakes import MemoryLedger, a_part

from inspector.errors import LedgerError
from inspector.ports.broker import OutgoingMessage
from inspector.station.review_messages import ReviewMessages


class GivenMessages:
    """The outbox: what it was given."""

    def __init__(self) -> None:
        self.lines: Sequence[str] | None = None
        self.ids: list[str] = []

    def send(self, messages: Sequence[OutgoingMessage]) -> None:
        self.ids += [message.message_id for message in messages]


async def stored(ledger: MemoryLedger, name: str, review: str | None, line: str = "pcb") -> None:
    part = a_part(name, line=line)
    await ledger.record(part, [OutgoingMessage(name, f"inspector/v1/{line}/cam1/x", b"{}", review=review)])


async def test_messages_about_reviews_are_given_to_the_outbox_once() -> None:
    ledger, outbox = MemoryLedger(), GivenMessages()
    service = ReviewMessages(ledger, outbox)
    await stored(ledger, "verdict", None)
    await stored(ledger, "first", "r-1")
    await service.step()
    await stored(ledger, "second", "r-2")
    await service.step()
    assert outbox.ids == ["first", "second"]
    await ledger.confirm(["first", "second"])
    await service.step()
    assert outbox.ids == ["first", "second"]


async def test_station_publishes_those_of_its_own_lines() -> None:
    ledger, outbox = MemoryLedger(), GivenMessages()
    outbox.lines = ["mugs"]
    await stored(ledger, "other", "r-1", line="pcb")
    await stored(ledger, "own", "r-2", line="mugs")
    await ReviewMessages(ledger, outbox).step()
    assert outbox.ids == ["own"]


async def test_message_is_found_again_after_the_ledger_was_away() -> None:
    ledger, outbox = MemoryLedger(), GivenMessages()
    service = ReviewMessages(ledger, outbox)
    await stored(ledger, "first", "r-1")
    ledger.away = True
    with pytest.raises(LedgerError):
        await service.step()
    ledger.away = False
    await service.step()
    assert outbox.ids == ["first"]

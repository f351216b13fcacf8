"""Every stored message reaches the broker, in order, once where possible."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fakes import MemoryLedger, a_part
from line_fakes import MemoryPublisher

from inspector.ports import Outgoing
from inspector.relay import Relay


def message(number: int) -> Outgoing:
    return Outgoing(f"r-{number}", "plant/v1/pcb/cam1/verdict", b"{}", confirms=True)


async def stored(ledger: MemoryLedger, *numbers: int) -> list[Outgoing]:
    messages = [message(number) for number in numbers]
    for number, each in zip(numbers, messages, strict=True):
        await ledger.record(a_part(f"t-{number}", result_id=each.message_id), [each])
    return messages


@asynccontextmanager
async def running(relay: Relay) -> AsyncIterator[None]:
    task = asyncio.create_task(relay.run())
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():
            await asyncio.sleep(0.01)


async def test_what_an_earlier_life_left_is_published_first_and_in_order() -> None:
    ledger, publisher = MemoryLedger(), MemoryPublisher()
    await stored(ledger, 1, 2, 3)
    relay = Relay(ledger, publisher)
    async with running(relay):
        await until(lambda: len(publisher.published) == 3)
        relay.send(await stored(ledger, 4))
        await relay.flush(5)
    assert publisher.ids() == ["r-1", "r-2", "r-3", "r-4"]
    assert await ledger.unpublished(None, 10) == []


async def test_messages_wait_while_the_broker_is_away_and_follow_in_order() -> None:
    ledger, publisher = MemoryLedger(), MemoryPublisher()
    relay = Relay(ledger, publisher)
    async with running(relay):
        await asyncio.sleep(0.05)
        publisher.away = True
        for number in range(5):
            relay.send(await stored(ledger, number))
            await asyncio.sleep(0.01)
        assert publisher.published == []
        publisher.away = False
        await until(lambda: len(publisher.published) == 5)
        await relay.flush(5)
    assert publisher.ids() == [f"r-{number}" for number in range(5)]


async def test_what_the_broker_echoes_is_not_published_again() -> None:
    ledger, publisher = MemoryLedger(), MemoryPublisher()
    await stored(ledger, 1, 2)
    publisher.echoed = ["r-1"]
    relay = Relay(ledger, publisher)
    async with running(relay):
        await until(lambda: "r-2" in publisher.ids())
        await relay.flush(5)
    assert publisher.ids() == ["r-2"]
    assert await ledger.unpublished(None, 10) == []
    assert "r-1" in publisher.noted_ids


async def test_message_handed_over_twice_is_published_once() -> None:
    ledger, publisher = MemoryLedger(), MemoryPublisher()
    relay = Relay(ledger, publisher)
    async with running(relay):
        messages = await stored(ledger, 1)
        relay.send(messages)
        relay.send(messages)
        await relay.flush(5)
    assert publisher.ids() == ["r-1"]


async def test_repeat_is_published_again() -> None:
    ledger, publisher = MemoryLedger(), MemoryPublisher()
    relay = Relay(ledger, publisher)
    async with running(relay):
        [sent] = await stored(ledger, 1)
        relay.send([sent])
        await relay.flush(5)
        relay.repeat(sent)
        await until(lambda: len(publisher.published) == 2)
    assert publisher.ids() == ["r-1", "r-1"]


async def test_confirmation_waits_while_the_ledger_is_away() -> None:
    ledger, publisher = MemoryLedger(), MemoryPublisher()
    relay = Relay(ledger, publisher)
    async with running(relay):
        await asyncio.sleep(0.05)
        messages = await stored(ledger, 1)
        ledger.away = True
        relay.send(messages)
        await until(lambda: publisher.ids() == ["r-1"])
        await asyncio.sleep(0.1)
        ledger.away = False
        assert await ledger.unpublished(None, 10) == messages
        await relay.flush(5)
    assert await ledger.unpublished(None, 10) == []
    assert publisher.ids() == ["r-1"]

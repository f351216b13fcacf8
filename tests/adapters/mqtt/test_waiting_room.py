"""The bytes that wait are bounded, and a large message still fits alone."""

from __future__ import annotations

from inspector.adapters.mqtt.waiting_room import MESSAGE_BYTES, WaitingRoom


def test_messages_wait_up_to_the_limit_and_again_when_some_have_left() -> None:
    room = WaitingRoom(3 * (1000 + MESSAGE_BYTES))
    assert [room.enter(1000, 0.0) for _ in range(4)] == [True, True, True, False]
    room.leave(1000)
    assert room.messages == 2
    assert room.enter(1000, 0.0)


def test_messages_without_payload_are_bounded_too() -> None:
    room = WaitingRoom(100 * MESSAGE_BYTES)
    assert sum(room.enter(0, 0.0) for _ in range(1000)) == 100


def test_a_message_above_the_limit_waits_alone() -> None:
    room = WaitingRoom(10)
    assert room.enter(10**9, 0.0)
    assert not room.enter(1, 0.0)
    room.leave(10**9)
    assert room.enter(1, 0.0)

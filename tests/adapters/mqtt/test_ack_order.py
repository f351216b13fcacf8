"""Acknowledgements leave in the order of arrival."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from inspector.adapters.mqtt.ack_order import AckOrder


def expecting(mids: range) -> tuple[AckOrder, list[int]]:
    given_out: list[int] = []
    receipts = AckOrder(given_out.append)
    for mid in mids:
        receipts.expect(mid)
    return receipts, given_out


@given(st.permutations(range(12)))
def test_every_receipt_is_given_once_and_in_the_order_of_arrival(order: list[int]) -> None:
    receipts, given_out = expecting(range(12))
    for mid in order:
        receipts.ready(mid)
    assert given_out == list(range(12))


@given(st.permutations(range(12)), st.integers(0, 12))
def test_receipts_stop_at_the_oldest_message_that_is_not_done(order: list[int], done: int) -> None:
    receipts, given_out = expecting(range(12))
    for mid in order[:done]:
        receipts.ready(mid)
    assert given_out == list(range(min(order[done:], default=12)))


def test_message_of_an_earlier_connection_is_not_acknowledged_on_the_next() -> None:
    receipts, given_out = expecting(range(1, 3))
    receipts.forget()
    receipts.ready(1)
    assert given_out == []


def test_message_id_can_be_used_again_after_its_receipt() -> None:
    receipts, given_out = expecting(range(1, 2))
    receipts.ready(1)
    receipts.expect(1)
    receipts.ready(1)
    assert given_out == [1, 1]

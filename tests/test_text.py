"""Text from outside, made safe."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from inspector.text import printable, shortened

any_text = st.text(st.characters())  # surrogates and control characters among them


@given(any_text)
def test_printable_text_can_be_stored_and_sent(text: str) -> None:
    safe = printable(text)
    assert "\0" not in safe
    assert safe.encode().decode() == safe
    assert len(safe) == len(text)
    assert printable(safe) == safe


def test_ordinary_text_stays_as_it_is() -> None:
    assert printable("Kratzer\tä 傷\n€\r\n") == "Kratzer\tä 傷\n€\r\n"


@given(any_text, st.integers(1, 50))
def test_shortened_text_is_never_longer_than_allowed(text: str, longest: int) -> None:
    short = shortened(text, longest)
    assert len(short) <= longest
    assert short == text or short.endswith("…")

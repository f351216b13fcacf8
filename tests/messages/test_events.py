"""The list of events holds every kind that the code raises, and no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Final

from support.paths import ROOT

from inspector.messages.events import EVENT_DEFINITIONS
from inspector.ports.metrics import ALWAYS_SHOWN_EVENTS

SEVERITIES: Final = ("INFO", "WARNING", "ALARM")
# rooms that raise events, and the code words there that are no kinds of events
ROOMS: Final = ("station", "adapters/mqtt", "adapters/webhook", "bootstrap", "operations")
NO_KINDS: Final = {"ONLINE", "OFFLINE", "SUBACK", "USER", "MMAD", "GET", "POST", *SEVERITIES}
SETTING_PREFIXES: Final = ("INSPECTOR_", "OTEL_")
CODE: Final = re.compile(r"[A-Z]{3,}(_[A-Z]+)*")


def raised() -> Iterator[str]:
    """Code words passed to a call. A prefix ends in `_`, as in f"UNKNOWN_{what}"."""
    for arguments in _calls():
        yield from filter(None, map(_code, arguments))


def _calls() -> Iterator[list[ast.expr]]:
    """The arguments of every call in the rooms that raise events."""
    for room in ROOMS:
        for path in (ROOT / "inspector" / room).rglob("*.py"):
            for call in ast.walk(ast.parse(path.read_text())):
                if isinstance(call, ast.Call):
                    yield [*call.args, *(keyword.value for keyword in call.keywords)]


def _code(argument: ast.expr) -> str | None:
    if isinstance(argument, ast.JoinedStr) and argument.values:
        first = argument.values[0]
        text = first.value if isinstance(first, ast.Constant) else ""
        return text if isinstance(text, str) and re.fullmatch(r"([A-Z]+_)+", text) else None
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str) and CODE.fullmatch(argument.value):
        return argument.value
    return None


def test_every_kind_that_the_code_raises_is_listed() -> None:
    listed = set(EVENT_DEFINITIONS)
    unlisted = {
        code
        for code in raised()
        if code not in listed | NO_KINDS
        and not code.startswith(SETTING_PREFIXES)
        and not (code.endswith("_") and any(kind.startswith(code) for kind in listed))
    }
    assert unlisted == set(), "add them to inspector/messages/events.py, then run: make reference"


def test_every_listed_kind_is_raised() -> None:
    codes = set(raised())
    prefixes = tuple(code for code in codes if code.endswith("_"))
    assert {kind for kind in EVENT_DEFINITIONS if kind not in codes and not kind.startswith(prefixes)} == set()


def test_severity_is_the_one_that_the_code_raises() -> None:
    """A call that names no severity raises a warning."""
    for arguments in _calls():
        named = [each.attr for each in arguments if isinstance(each, ast.Attribute) and each.attr in SEVERITIES]
        for code in filter(None, map(_code, arguments)):
            if code in EVENT_DEFINITIONS:
                assert EVENT_DEFINITIONS[code].severity == (named or ["WARNING"])[0], code


def test_every_kind_has_a_meaning_and_a_remedy() -> None:
    for kind, definition in EVENT_DEFINITIONS.items():
        assert kind == definition.kind
        assert definition.severity in SEVERITIES
        assert definition.meaning.endswith(".")
        assert definition.remedy.endswith(".")


def test_alarms_of_the_metrics_page_are_listed() -> None:
    assert {EVENT_DEFINITIONS[kind].severity for kind in ALWAYS_SHOWN_EVENTS} == {"ALARM"}

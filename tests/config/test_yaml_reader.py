"""YAML text as plain data: values, row numbers, and refused constructs."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.config.yaml_reader import parse, path_text, to_yaml
from inspector.errors import DeclarationError

FILE = "pcb.yaml"
plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**17), 10**17)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["C", "Z"]), max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(codec="ascii", categories=["L"]), min_size=1), inner, max_size=3)
    ),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("scalar", "meaning"),
    [
        ("12", 12),
        ("-3", -3),
        ("0123", 123),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("true", True),
        ("null", None),
        ("", None),
        ("no", "no"),
        ("on", "on"),
        ("1:30", "1:30"),
        ("2026-01-31", "2026-01-31"),
        ("1_000", "1_000"),
        (".nan", ".nan"),
        ("'12'", "12"),
        ('"true"', "true"),
        ("9" * 400, float("inf")),
    ],
)
def test_scalars_mean_what_yaml_1_2_says(scalar: str, meaning: object) -> None:
    found = parse(f"key: {scalar}", FILE).data["key"]
    assert found == meaning
    assert type(found) is type(meaning)


@given(plain)
def test_json_is_read_as_it_is(data: object) -> None:
    assert parse(json.dumps({"key": data}, ensure_ascii=False), FILE).data == {"key": data}


def test_every_place_knows_its_row() -> None:
    document = parse("line: pcb\nladder:\n  - {views: [direct]}\n  - samples: 2\n", FILE)
    assert document.row(("line",)) == 1
    assert document.row(("ladder",)) == 2
    assert document.row(("ladder", 0, "views", 0)) == 3
    assert document.row(("ladder", 1, "samples")) == 4


def test_what_is_missing_has_the_row_of_what_is_around_it() -> None:
    document = parse("line: pcb\nladder:\n  - samples: 2\n", FILE)
    assert document.row(("ladder", 0, "views")) == 3
    assert document.row(("question",)) == 1


def test_a_duplicate_key_is_reported_and_the_first_counts() -> None:
    document = parse("a: {x: 1}\nb: 2\na: {y: 3}\n", FILE)
    assert document.data == {"a": {"x": 1}, "b": 2}
    (fault,) = document.duplicates
    assert (fault.field, fault.row) == ("a", 3)
    assert "row 1" in fault.problem


@pytest.mark.parametrize(
    ("text", "words", "row"),
    [
        ("a: &x [1]\nb: *x\n", "anchor", 1),
        ("a: *x\n", "alias", 1),
        ("a: [1]\nb: !!python/object/apply:os.system [ls]\n", "tag", 2),
        ("a: !secret 1\n", "tag", 1),
        ("a: 1\n--- \nb: 2\n", "several documents", None),
        ("a: [1\n", "not YAML", 2),
        ("a: 1\n\tb: 2\n", "not YAML", 2),
        ("a: b: c\n", "not YAML", 1),
        ("? [1, 2]\n: 3\n", "as a key", 1),
        ("a: " + "[" * 200 + "]" * 200, "nests deeper", 1),
        ("a:\n" + "".join(" " * n + "- \n" for n in range(1, 40)), "nests deeper", None),
        ('a: "\\x00"\n', "control character", 1),
        ('a: "\\ud800"\n', "control character", 1),
        ('a: "\\UFFFFFFFF"\n', "not YAML", None),
        ("a: \x07\n", "not YAML", None),
        (b"line: pcb\nproduct: \xe4\n", "not UTF-8", 2),
        ("line: pcb".encode("utf-16"), "not UTF-8", 1),
        (b"\x89PNG\r\n\x1a\n", "not UTF-8", 1),
        (b"a: 1\n" * (10 * 1024 * 1024 // 5), "more than 65,536", None),
        ("%YAML 2.0\n---\na: 1\n", "not YAML", 1),
        ("%FOO bar\n%YAML 1.1\n%YAML 1.1\n---\na: 1", "not YAML", 3),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_hostile_text_is_refused_with_its_place(text: str | bytes, words: str, row: int | None) -> None:
    with pytest.raises(DeclarationError) as caught:
        parse(text, FILE)
    (fault,) = caught.value.faults
    assert words in fault.problem
    assert fault.file == FILE
    assert fault.remedy
    assert row is None or fault.row == row


def test_a_bomb_of_aliases_costs_nothing() -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    with pytest.raises(DeclarationError, match="anchor"):
        parse("\n".join(rows), FILE)


def test_a_byte_order_mark_is_no_fault() -> None:
    assert parse(b"\xef\xbb\xbfline: pcb\n", FILE).data == {"line": "pcb"}


def test_an_empty_file_holds_nothing() -> None:
    assert parse("", FILE).data is None
    assert parse("# only words\n", FILE).data is None


@given(st.text() | st.binary() | st.text("abc:-[]{}&*!|>'\"%@`#?, \n\t\\0123~"))
def test_any_text_is_read_or_refused_and_nothing_else(text: str | bytes) -> None:
    with suppress(DeclarationError):
        assert parse(text, FILE).file == FILE


@pytest.mark.parametrize(
    ("path", "spelled"),
    [((), "(file)"), (("line",), "line"), (("ladder", 1, "views", 0), "ladder[1].views[0]")],
)
def test_paths_are_spelled_as_people_write_them(path: tuple[str | int, ...], spelled: str) -> None:
    assert path_text(path) == spelled


@pytest.mark.parametrize("text", ["008", "0o10", "1e3", "+7", ".5", "5.", "null", "yes", "", " a ", "a: b", "# a", "ü"])
def test_text_is_read_as_it_was_written(text: str) -> None:
    assert parse(to_yaml({"a": [text]}), FILE).data == {"a": [text]}


@given(st.dictionaries(st.sampled_from(["a", "b"]), plain))
def test_what_is_written_is_read_as_the_same(data: dict[str, object]) -> None:
    assert parse(to_yaml(data), FILE).data == data

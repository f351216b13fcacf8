"""Damage of an SQLite file is found, in a bounded time."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from support.fakes import a_part

from inspector.adapters.ledger import SqlLedger, check_integrity, upgrade
from inspector.operations.check import run_checks
from inspector.settings import Settings

PAGE_BYTES = 4096


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "inspector.db"
    upgrade(f"sqlite:///{file}")
    asyncio.run(fill(file))
    return file


async def fill(file: Path) -> None:
    async with SqlLedger(f"sqlite:///{file}") as ledger:
        for number in range(40):
            await ledger.record(a_part(f"t-{number}"), [])


def damage(file: Path) -> tuple[str, ...]:
    return check_integrity(f"sqlite:///{file}", 60.0).damage


def test_sound_file_has_no_damage(file: Path) -> None:
    assert damage(file) == ()


def test_rotten_pages_are_named(file: Path) -> None:
    data = bytearray(file.read_bytes())
    for page in range(4, len(data) // PAGE_BYTES, 2):
        data[page * PAGE_BYTES : page * PAGE_BYTES + 64] = b"\xa5" * 64
    file.write_bytes(data)
    results = {each.check: each for each in run_checks(Settings(data=file.parent, broker_port=9))}
    assert not results["ledger file"].ok
    assert "inspector restore" in results["ledger file"].remedy


def test_file_that_is_no_database_is_named(file: Path) -> None:
    file.write_bytes(b"x" * 10_000)
    result = {each.check: each for each in run_checks(Settings(data=file.parent, broker_port=9))}["ledger file"]
    assert (result.ok, "not a database" in result.found) == (False, True)


def test_check_ends_when_its_time_is_over(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inspector.adapters.ledger.integrity.STEPS_PER_LOOK", 1)
    assert check_integrity(f"sqlite:///{file}", 0.0) == ((), False)


def test_installation_without_a_database_has_none_to_check(tmp_path: Path) -> None:
    results = {each.check: each for each in run_checks(Settings(data=tmp_path, broker_port=9))}
    assert results["ledger file"].ok

"""What only a server can do to us: go away, come back, deadlock, refuse, and be set up carelessly."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Thread

import pytest
from sqlalchemy import make_url, text
from support.databases import connected, execute, fetch
from support.fakes import a_part, a_verdict
from support.postgres_server import PostgresServer, postgres_server

from inspector.adapters.ledger import SqlArchive, SqlLedger, masked_url, upgrade
from inspector.adapters.ledger.database import open_engine
from inspector.domain.part import Evidence
from inspector.errors import LedgerError
from inspector.ports.archive import PartFilter


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    url = postgres.create()
    upgrade(url)
    return url


@pytest.fixture
def own(postgres: PostgresServer) -> Iterator[PostgresServer]:
    """A server to be killed; that there is one was found out already."""
    with postgres_server() as server:
        yield server


async def test_server_that_dies_is_an_error_and_the_ledger_goes_on_when_it_is_back(own: PostgresServer) -> None:
    url = own.create()
    upgrade(url)
    archive = SqlArchive(url)
    before, meanwhile = a_part("t-1"), a_part("t-2")
    async with SqlLedger(url) as ledger:
        assert await ledger.record(before, [a_verdict(before)])
        own.stop()
        for call in (ledger.record(meanwhile, []), ledger.find(before.identity), ledger.confirm(["x"])):
            with pytest.raises(LedgerError):
                await call
        with pytest.raises(LedgerError, match="the ledger can't be read"):
            archive.parts(PartFilter(), 1)
        own.start()
        assert await ledger.record(meanwhile, []), "by itself, at the first try"
        assert await ledger.find(before.identity) is not None, "what was committed survived"
    assert len(archive.parts(PartFilter(), 10)) == 2
    archive.close()


async def test_connections_that_the_server_ended_are_replaced(url: str) -> None:
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'inspector'"
    async with SqlLedger(url) as ledger:
        assert await ledger.record(a_part("t-1"), [])
        execute(url, others)
        assert await ledger.record(a_part("t-2"), [])


async def test_server_that_can_not_be_reached_is_named_without_its_password() -> None:
    url = "postgresql://inspector:secret@127.0.0.1:9/inspector"
    with pytest.raises(LedgerError, match="Connection refused") as refused:
        upgrade(url)
    assert "secret" not in str(refused.value)
    assert masked_url(url) == "postgresql://inspector:***@127.0.0.1:9/inspector"


def test_commits_are_durable_whatever_the_server_was_told(url: str) -> None:
    """The tests' own server is set up to be quick."""
    engine = open_engine(url, writes=True)
    with engine.connect() as connection:
        assert connection.scalar(text("SHOW synchronous_commit")) == "on"
        assert connection.scalar(text("SHOW lock_timeout")) == "5s"
    engine.dispose()


def test_reader_can_not_write(url: str) -> None:
    engine = open_engine(url, writes=False)
    with engine.connect() as connection, pytest.raises(Exception, match="read-only transaction"):
        connection.execute(text("DELETE FROM parts"))
    engine.dispose()


def test_what_the_url_says_of_waiting_stays(postgres: PostgresServer) -> None:
    engine = open_engine(f"{postgres.create()}&application_name=shadow", writes=False)
    with engine.connect() as connection:
        assert connection.scalar(text("SHOW application_name")) == "shadow"
    engine.dispose()


@contextmanager
def deadlock(url: str, picture: str) -> Iterator[None]:
    """Somebody else holds a picture's row, and then wants the whole table, which we hold: the server ends one of us."""
    with connected(url) as other:
        other.execute(text("SET deadlock_timeout = '10s'"))  # so that the server notices it on our side
        other.execute(text(f"UPDATE evidence SET width_px = 1 WHERE sha256 = '{picture}'"))
        yield
        wanted = Thread(target=other.execute, args=[text("LOCK TABLE evidence IN EXCLUSIVE MODE")])
        wanted.start()
        wanted.join()


async def test_group_that_ran_into_a_deadlock_is_written_again(url: str) -> None:
    picture = Evidence("b" * 64, "image/jpeg", 10)
    async with SqlLedger(url, busy_s=20.0) as ledger:
        await ledger.record(a_part("t-0", evidence=picture), [])
        with deadlock(url, picture.sha256):
            writing = asyncio.create_task(ledger.record(a_part("t-1", evidence=picture), []))
            await asyncio.sleep(0.1)
        assert await writing
    assert fetch(url, "SELECT count(*) FROM parts") == [(2,)]


@pytest.mark.parametrize("zone", ["America/Chicago", "Europe/Berlin", "Pacific/Kiritimati"])
@pytest.mark.parametrize("captured_at", [datetime.min, datetime.max])
async def test_times_at_the_ends_of_the_calendar_are_read_in_any_zone_of_the_server(
    url: str, zone: str, captured_at: datetime
) -> None:
    """An earlier version stored the time of a camera without a clock, and the server answers in a zone of its own."""
    execute(url, f"ALTER DATABASE {make_url(url).database} SET timezone TO '{zone}'")
    part = a_part(captured_at=captured_at.replace(tzinfo=UTC))
    async with SqlLedger(url) as ledger:
        await ledger.record(part, [])
    archive = SqlArchive(url)
    assert [row.part.captured_at for row in archive.parts(PartFilter(), 10)] == [part.captured_at]
    archive.close()

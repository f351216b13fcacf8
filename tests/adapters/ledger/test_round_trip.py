"""The law of the ledger: a part read back equals the part that was recorded."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import count

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.database_kinds import KINDS
from support.databases import new_database
from support.fakes import a_part

from inspector.adapters.ledger import SqlArchive, SqlLedger, upgrade
from inspector.domain.decision import Decision, Reason, Verdict
from inspector.domain.declared import Disposition, Severity, ViewName
from inspector.domain.frame import FrameKey
from inspector.domain.part import Evidence, PartRecord, PartState, PipelineRef
from inspector.domain.report import Box, Finding, Words, WordsState
from inspector.domain.vote import Opinion, StoppedBy, Vote
from inspector.errors import LedgerError
from inspector.ports.broker import OutgoingMessage
from inspector.ports.ledger import StoredVerdict

DECISIONS = [
    Decision(verdict, disposition, reason)
    for verdict in Verdict
    for disposition in Disposition
    for reason in Reason
    if disposition is not Disposition.PASS or (verdict is Verdict.OK and reason is Reason.NO_DEFECT)
]
NUMBERS = count()

names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,63}", fullmatch=True)
model_text = st.text(st.characters(exclude_categories=()), max_size=60)
printable = st.text(max_size=40).filter(str.isprintable)
device_text = st.none() | printable  # the intake lets nothing else in
shares = st.floats(0.0, 1.0)
milliseconds = st.floats(0.0, 1e9)
small = st.integers(0, 2**31 - 1)
zones = st.timedeltas(timedelta(hours=-14), timedelta(hours=14)).map(timezone)
times = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=zones)
boxes = st.builds(Box, shares, shares, shares, shares)
findings = st.builds(Finding, names, st.sampled_from(Severity), st.none() | boxes, model_text)
words = st.builds(
    Words, st.sampled_from(WordsState), st.lists(findings, max_size=3).map(tuple), model_text, small, milliseconds
)
votes = st.builds(
    Vote, st.sampled_from(ViewName), small, st.none() | shares, small, milliseconds, model_text, st.none() | shares
)
decisions = st.builds(replace, st.sampled_from(DECISIONS), detail=model_text)


@st.composite
def pictures(draw: st.DrawFn) -> Evidence:
    """The facts of a picture follow from its bytes, as they do in life."""
    facts = draw(st.tuples(st.sampled_from(["image/jpeg", "image/png", ""]), small, small, small))
    return Evidence(hashlib.sha256(repr(facts).encode()).hexdigest(), *facts)


records = st.builds(
    PartRecord,
    result_id=names,
    key=st.builds(FrameKey, names, names, names),
    decision=decisions,
    pipeline=st.builds(PipelineRef, names, small, names),
    received_at=times,
    decided_at=times,
    latency_ms=milliseconds,
    deadline_ms=milliseconds,
    late=st.booleans(),
    part_id=device_text,
    product=device_text,
    lot=device_text,
    seq=st.none() | st.integers(0, 2**63 - 1),
    captured_at=st.none() | times,
    is_simulated=st.booleans(),
    p_ng=st.none() | shares,
    agreement=st.none() | shares,
    votes=st.lists(votes, max_size=4).map(tuple),
    opinion=st.none() | st.builds(Opinion, shares, milliseconds, model_text),
    rungs=small,
    stopped_by=st.sampled_from(StoppedBy),
    evidence=st.none() | pictures(),
    words=words,
    state=st.sampled_from(PartState),
)


@pytest.fixture(scope="module", params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    url = new_database(request, tmp_path_factory.mktemp("ledger"))
    upgrade(url)
    return url


@pytest.fixture(scope="module")
def archive(url: str) -> Iterator[SqlArchive]:
    archive = SqlArchive(url)
    yield archive
    archive.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(parts=st.lists(records, min_size=1, max_size=4))
@example(parts=[a_part(decision=Decision(Verdict.OK, Disposition.PASS, Reason.NO_DEFECT, "half a \ud83d, and \x00"))])
def test_part_read_back_equals_the_part_recorded(url: str, archive: SqlArchive, parts: list[PartRecord]) -> None:
    unique = [_renamed(part, next(NUMBERS)) for part in parts]
    asyncio.run(_record_at_once(url, unique))
    for part in unique:
        row = archive.part(part.result_id)
        assert row is not None
        assert row.part == part


@settings(max_examples=30, deadline=None)
@given(topic=printable, payload=st.binary(max_size=99), token=st.none() | st.binary())
def test_message_read_back_equals_the_message_recorded(
    url: str, topic: str, payload: bytes, token: bytes | None
) -> None:
    part = _renamed(a_part(), next(NUMBERS))
    message = OutgoingMessage(part.result_id, topic, payload, True, token)
    assert asyncio.run(_recorded_and_found(url, part, message)) == StoredVerdict(part.result_id, message)


async def test_times_come_back_aware_and_in_utc(url: str, archive: SqlArchive) -> None:
    noon_in_tokyo = datetime(2026, 3, 2, 12, 0, tzinfo=timezone(timedelta(hours=9)))
    part = replace(_renamed(a_part(), next(NUMBERS)), captured_at=noon_in_tokyo)
    await _record_at_once(url, [part])
    row = archive.part(part.result_id)
    assert row is not None
    assert row.part.captured_at is not None
    assert row.part.captured_at.isoformat() == "2026-03-02T03:00:00+00:00"
    assert row.part.decided_at.tzinfo is UTC


async def test_time_without_a_zone_is_refused(url: str) -> None:
    part = replace(_renamed(a_part(), next(NUMBERS)), captured_at=datetime(2026, 3, 2, 12, 0))
    with pytest.raises(LedgerError, match="2026-03-02 12:00:00 has no time zone; use aware datetimes"):
        await _record_at_once(url, [part])


def _renamed(part: PartRecord, number: int) -> PartRecord:
    return replace(part, result_id=f"r-{number}", key=part.key._replace(trigger_id=f"t-{number}"))


async def _record_at_once(url: str, parts: list[PartRecord]) -> None:
    async with SqlLedger(url) as ledger:
        assert all(await asyncio.gather(*(ledger.record(part, []) for part in parts)))


async def _recorded_and_found(url: str, part: PartRecord, message: OutgoingMessage) -> StoredVerdict | None:
    async with SqlLedger(url) as ledger:
        await ledger.record(part, [message])
        return await ledger.find(part.identity)

"""Stores challenge sets and what models said about their parts. Parts are only added, or marked as removed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Final

from sqlalchemy import Connection, Engine, delete, insert, select, update

from inspector.adapters.ledger.audit import append_audit
from inspector.adapters.ledger.database import ledger_errors, open_engine, read, value_pages
from inspector.adapters.ledger.picture_retention import keep_pictures
from inspector.adapters.ledger.rows import vote_of, vote_rows
from inspector.adapters.ledger.tables import (
    challenge_judgements,
    challenge_parts,
    challenge_votes,
    is_in_challenge_set,
)
from inspector.adapters.ledger.version_lock import challenged, newest_golden, wait_for_others
from inspector.domain.challenge import ChallengeAnswer, ChallengePart
from inspector.domain.quality import Measurements
from inspector.domain.vote import Opinion, StoppedBy, Vote
from inspector.errors import InspectorError
from inspector.ports.access import AuditEntry
from inspector.ports.challenge import ChallengeChange, NewChallengePart

PART_FIELDS: Final = tuple(each.name for each in fields(ChallengePart))
MEASURED: Final = ("width_px", "height_px", "sharpness", "luminance")


class SqlChallengeStore:
    """`ports.ChallengeStore` for one database. `close` frees its connection."""

    def __init__(self, url: str) -> None:
        self._engine: Engine = open_engine(url, writes=True)

    def close(self) -> None:
        self._engine.dispose()

    def challenge_parts(self, line: str) -> list[ChallengePart]:
        return read(self._engine, parts_of, line)

    def add_challenge_parts(self, line: str, parts: Sequence[NewChallengePart], change: ChallengeChange) -> list[int]:
        given = {"line": line, **change._asdict()}
        with ledger_errors("the challenge parts can't be stored"), self._engine.begin() as connection:
            wait_for_others(connection)
            keep_pictures(connection, [part.sha256 for part in parts])
            new = insert(challenge_parts).returning(challenge_parts.c.number)
            numbers = [connection.execute(new, given | part._asdict()).scalar_one() for part in parts]
            added = [
                {"number": number, "sha256": part.sha256, "camera": part.camera, "is_ng": part.is_ng}
                for number, part in zip(numbers, parts, strict=True)
            ]
            if challenged(connection, line, newest_golden(connection, line)):
                raise InspectorError(f"some pictures became golden samples of {line} meanwhile; nothing was added")
            append_audit(connection, _entry("challenge.add", line, change, added))
            return numbers

    def remove_challenge_parts(self, line: str, numbers: Sequence[int], change: ChallengeChange) -> None:
        removed = {"removed_at": change.at, "removed_by": change.author, "removal_reason": change.reason}
        chosen = update(challenge_parts).where(challenge_parts.c.line == line, is_in_challenge_set).values(removed)
        with ledger_errors("the challenge parts can't be removed"), self._engine.begin() as connection:
            for some in value_pages(numbers):
                connection.execute(chosen.where(challenge_parts.c.number.in_(some)))
            append_audit(connection, _entry("challenge.remove", line, change, list(numbers)))

    def challenge_answers(self, line: str, fingerprint: str) -> dict[int, ChallengeAnswer]:
        return read(self._engine, _answers, line, fingerprint)

    def add_challenge_answer(self, answer: ChallengeAnswer) -> None:
        with ledger_errors("the votes can't be stored"), self._engine.begin() as connection:
            add_answer(connection, answer)


def parts_of(connection: Connection, line: str) -> list[ChallengePart]:
    kept = select(challenge_parts).where(challenge_parts.c.line == line, is_in_challenge_set)
    rows = connection.execute(kept.order_by(challenge_parts.c.number))
    return [ChallengePart(**{name: getattr(row, name) for name in PART_FIELDS}) for row in rows]


def add_answer(connection: Connection, answer: ChallengeAnswer) -> None:
    """Store the answer instead of an earlier one of the same part and fingerprint."""
    key = {"part": answer.part, "fingerprint": answer.fingerprint}
    for table in (challenge_votes, challenge_judgements):
        same = (table.c.part == answer.part, table.c.fingerprint == answer.fingerprint)
        connection.execute(delete(table).where(*same))
    said = {
        "policy": answer.policy,
        "stopped_by": answer.stopped_by,
        "opinion": answer.opinion and answer.opinion.p_ng,
        "is_bad_image": answer.is_bad_image,
        "max_unlike": answer.max_unlike,
        "latency_ms": answer.latency_ms,
        **{name: getattr(answer.measured, name) for name in MEASURED},
        "at": answer.at,
    }
    connection.execute(insert(challenge_judgements), key | said)
    if answer.votes:
        connection.execute(insert(challenge_votes), [row | key for row in vote_rows(answer.part, answer.votes)])


def _entry(action: str, line: str, change: ChallengeChange, parts: list[Any]) -> AuditEntry:
    return AuditEntry(change.author, action, line, {"parts": parts, "reason": change.reason}, change.at, line)


def _answers(connection: Connection, line: str, fingerprint: str) -> dict[int, ChallengeAnswer]:
    of_line = select(challenge_parts.c.number).where(challenge_parts.c.line == line)
    votes = _votes(connection, line, fingerprint)
    judgement = challenge_judgements.c
    wanted = select(challenge_judgements).where(judgement.fingerprint == fingerprint, judgement.part.in_(of_line))
    return {
        row.part: ChallengeAnswer(
            part=row.part,
            fingerprint=row.fingerprint,
            policy=row.policy,
            votes=tuple(votes[row.part]),
            stopped_by=StoppedBy(row.stopped_by),
            opinion=None if row.opinion is None else Opinion(row.opinion),
            is_bad_image=row.is_bad_image,
            max_unlike=row.max_unlike,
            latency_ms=row.latency_ms,
            measured=Measurements(row.width_px, row.height_px, row.sharpness, row.luminance),
            at=row.at,
        )
        for row in connection.execute(wanted)
    }


def _votes(connection: Connection, line: str, fingerprint: str) -> dict[int, list[Vote]]:
    of_line = select(challenge_parts.c.number).where(challenge_parts.c.line == line)
    vote, found = challenge_votes.c, defaultdict[int, list[Vote]](list)
    cast = select(challenge_votes).where(vote.fingerprint == fingerprint, vote.part.in_(of_line))
    for row in connection.execute(cast.order_by(vote.part, vote.position)):
        found[row.part].append(vote_of(row))
    return found

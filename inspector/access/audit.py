"""The audit: lists what people did, seals it by a hash chain, and finds the first entry that was altered.

Sealing runs behind the writers: an entry is stored with its change, and gets its seal later. Each seal covers an entry
and the seal before. A person who can write the database can also compute a new chain: note a seal elsewhere, and
`verify` compares it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from typing import Final, NamedTuple

from inspector.errors import InspectorError
from inspector.ports.access import AuditFilter, AuditRecord, AuditSeal, AuditStore, SealedRecord

FIRST: Final = "0" * 64  # what the first seal follows
ROWS_PER_STEP: Final = 500  # a step holds the database's lock for some milliseconds
LATE_ENTRIES: Final = 10_000  # a transaction may commit an entry after so many newer ones


class AuditCheck(NamedTuple):
    """What a check of the audit found. `fault` is empty, or names the first altered entry and what is wrong."""

    sealed: int
    unsealed: int
    newest: AuditSeal | None
    fault: str = ""
    entry: int | None = None


@dataclass(frozen=True, slots=True)
class Audit:
    """The audit. Every method raises LedgerError."""

    store: AuditStore

    def entries(self, wanted: AuditFilter, limit: int) -> list[AuditRecord]:
        """List entries, newest first."""
        return self.store.entries(wanted, limit)

    def seal(self, *, everything: bool = False) -> AuditSeal | None:
        """Seal one step of entries; None where all are sealed.

        Another process may seal the same entries: one of both does. `everything` also looks for old entries, which
        costs a scan.
        """
        newest = self.store.newest_seal()
        after = 0 if newest is None or everything else max(0, newest.entry - LATE_ENTRIES)
        seals = list(_chain(newest, self.store.unsealed(after, ROWS_PER_STEP)))
        if not seals or not self.store.add_seals(seals):
            return None
        return seals[-1]

    def verify(self, noted: AuditSeal | None = None) -> AuditCheck:
        """Compute all seals again, and find the one that was noted earlier, if any."""
        previous, checked = AuditSeal(0, 0, FIRST), 0
        is_found = noted is None
        for link in self._links():
            if fault := _fault(link, previous):
                return self._check(checked, previous, fault, link.seal.entry)
            previous, checked = link.seal, checked + 1
            is_found = is_found or _is_same(link.seal, noted)
        if noted is not None and not is_found:
            fault = f"position {noted.position} has not the seal that was noted: the audit was cut or written anew"
            return self._check(checked, previous, fault, None)
        return self._check(checked, previous)

    def _links(self) -> Iterator[SealedRecord]:
        position = 0
        while links := self.store.sealed(position, ROWS_PER_STEP):
            yield from links
            position = links[-1].seal.position

    def _check(self, sealed: int, last: AuditSeal, fault: str = "", entry: int | None = None) -> AuditCheck:
        newest = last if last.position else None
        return AuditCheck(sealed, self.store.unsealed_count(), newest, fault, entry)


def parse_seal(text: str) -> AuditSeal:
    """Read a noted seal, `POSITION:SEAL`. Raises InspectorError."""
    position, _, seal = text.partition(":")
    if not position.isdecimal() or len(seal) != len(FIRST):
        raise InspectorError(f"{text!r} is no seal; copy one as inspector audit verify prints it: POSITION:SEAL")
    return AuditSeal(int(position), 0, seal)


def seal_of(previous: str, record: AuditRecord) -> str:
    """Return the seal of an entry behind another seal: the sha256 of both, in a form that all databases give back."""
    entry = record.entry
    content = [
        previous,
        record.number,
        *(entry.actor, entry.action, entry.subject, entry.line),
        entry.detail,
        entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
    ]
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _is_same(seal: AuditSeal, noted: AuditSeal | None) -> bool:
    return noted is not None and (seal.position, seal.seal) == (noted.position, noted.seal)


def _chain(newest: AuditSeal | None, records: list[AuditRecord]) -> Iterator[AuditSeal]:
    position, seal = (newest.position, newest.seal) if newest else (0, FIRST)
    for record in records:
        position, seal = position + 1, seal_of(seal, record)
        yield AuditSeal(position, record.number, seal)


def _fault(link: SealedRecord, previous: AuditSeal) -> str:
    """Say what is wrong with a link; empty if nothing is."""
    if link.seal.position != previous.position + 1:
        return f"the seals between positions {previous.position} and {link.seal.position} were removed"
    if link.record is None:
        return f"entry {link.seal.entry} was removed"
    if seal_of(previous.seal, link.record) != link.seal.seal:
        return f"entry {link.seal.entry} or its seal was altered"
    return ""

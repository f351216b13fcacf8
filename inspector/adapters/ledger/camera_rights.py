"""Which cameras a line's rights to pass cover, by name: no camera that was not there when the line was qualified."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Row, insert, select, update

from inspector.adapters.ledger.tables import pass_rights
from inspector.domain.cameras import ANY_CAMERA
from inspector.domain.line_state import RightOrigin
from inspector.ports.challenge import QualificationBasis, QualificationRecord
from inspector.ports.lines import DeclaredVersion

KEPT: Final = ("line", "fingerprint", "policy", "origin", "until", "reason", "author", "scoring")


class CoverChange(NamedTuple):
    """Cameras that rights cover no more, and the new names of others.

    `others` are the named cameras of the line that the change is not about. "Any camera" becomes those: it would cover
    an unproved one too.
    """

    unproved: Collection[str]
    others: Sequence[str]
    renamed: Mapping[str, str] = MappingProxyType({})

    def covered(self, cameras: Sequence[str]) -> list[str]:
        if ANY_CAMERA in cameras and self.unproved:
            cameras = self.others
        return [self.renamed.get(name, name) for name in cameras if name not in self.unproved]


def change_cover(connection: Connection, line: str, change: CoverChange, at: datetime) -> None:
    """Replace each right by one that covers other cameras. Rights that cover none end."""
    for right in _holding(connection, line):
        covered = change.covered(right.cameras)
        if covered == right.cameras:
            continue
        connection.execute(update(pass_rights).where(pass_rights.c.number == right.number).values(revoked_at=at))
        if covered:
            row = {name: getattr(right, name) for name in KEPT} | {"cameras": covered, "at": at}
            connection.execute(insert(pass_rights), row)


def end_rights_of_new_cameras(connection: Connection, declared: DeclaredVersion, newest: Any, at: datetime) -> None:
    """End what rights say about cameras that the newest version does not accept: one that comes back proves nothing."""
    before = list(newest.declaration.get("cameras", ())) if newest else []
    new = {name for name in declared.pipeline.named_cameras if name not in before}
    if new and before and ANY_CAMERA not in before:
        change_cover(connection, declared.pipeline.line, CoverChange(new, before), at)


def still_qualified(connection: Connection, proof: QualificationRecord) -> QualificationRecord | None:
    """Return a recomputed qualification for the cameras that are qualified under its fingerprint; None without any.

    A camera may have been replaced since it was recomputed.
    """
    if proof.basis is not QualificationBasis.STORED_VOTES:
        return proof
    held = [
        set(right.cameras)
        for right in _holding(connection, proof.line)
        if (right.fingerprint, right.origin) == (proof.fingerprint, RightOrigin.QUALIFICATION)
    ]
    cameras = tuple(name for name in proof.cameras if any({name, ANY_CAMERA} & each for each in held))
    return proof._replace(cameras=cameras) if cameras else None


def _holding(connection: Connection, line: str) -> Sequence[Row[Any]]:
    rights = select(pass_rights).where(pass_rights.c.line == line, pass_rights.c.revoked_at.is_(None))
    return connection.execute(rights).all()

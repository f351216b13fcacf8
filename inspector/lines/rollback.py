"""Make an earlier version of a line live again, as a new version: priced, with its right to pass recomputed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from inspector.errors import ConflictError
from inspector.lines.change_effect import ChangeApproval, ChangeEffect, ChangeEffects
from inspector.lines.versions import ReadableVersion, Versions
from inspector.ports.lines import DeclaredVersion, StoreVersions


class RollbackRequest(NamedTuple):
    """Who wants which version of a line back, and why.

    `accepted` is the number of known NG parts that may then pass. `base` is the live version that the author knows;
    None takes any.
    """

    line: str
    to: int
    author: str
    reason: str
    accepted: int | None = None
    base: int | None = None


class StoredRollback(NamedTuple):
    """The new version, and its effect."""

    version: int
    effect: ChangeEffect


@dataclass(frozen=True, slots=True)
class Rollbacks:
    """Rolls lines back. Every method raises LedgerError, and InspectorError for an unknown line or version."""

    versions: Versions
    effects: ChangeEffects
    store: StoreVersions

    def foresee(self, request: RollbackRequest) -> ChangeEffect:
        """Return the effect that the rollback would have, and store nothing."""
        return self.effects.foresee(_content(self._declared(request)))

    def roll_back(self, request: RollbackRequest) -> StoredRollback:
        """Store the content of the earlier version as the newest one.

        Raises EscapesError where NG parts would newly pass that nobody accepted, and ConflictError where the line was
        changed meanwhile.
        """
        declared = self._declared(request)
        approval = ChangeApproval(request.author, request.reason, request.accepted)
        effect = self.effects.approve(_content(declared), approval)
        stored = self.store([declared._replace(proofs=effect.proofs)])
        if not stored:
            raise ConflictError(
                f"{request.line}: somebody else stored this content meanwhile; look at the live version"
            )
        return StoredRollback(stored[0].version, effect)

    def _declared(self, request: RollbackRequest) -> DeclaredVersion:
        return self.versions.rolled_back(request.line, request.to, request.author, request.reason, request.base)


def _content(declared: DeclaredVersion) -> ReadableVersion:
    return ReadableVersion(declared.pipeline, declared.golden)

"""The price of a change before it is live: what happens to the stored parts of the line under the new settings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Self

import numpy as np

from inspector.config.diff import Declaration
from inspector.domain.pipeline import Pipeline
from inspector.errors import InspectorError
from inspector.lines.comparison import PairOutcomes, VoteComparison
from inspector.lines.states import MIN_REASON_CHARACTERS
from inspector.lines.versions import readable
from inspector.lines.vote_tables import VoteTables
from inspector.ports.lines import LineVersion
from inspector.ports.tuning import IdentifiedPart, TuningArchive, VotedParts
from inspector.tuning.counterfactual import Impact
from inspector.tuning.vote_table import ReplayedOutcome

SelectParts = Callable[[str, str], VotedParts]  # of a line, under a fingerprint
ReportPriced = Callable[[int, int], None]  # fingerprints replayed so far, fingerprints to replay


def ignore_progress(_done: int, _total: int) -> None:
    """Report nothing."""


class NewEscape(NamedTuple):
    """A part that people called NG, and that the change would let pass."""

    result_id: str
    camera: str
    trigger_id: str
    part_id: str | None
    decided_at: datetime
    p_ng: float | None
    disposition: str
    is_certain: bool

    def as_json(self) -> dict[str, Any]:
        return self._asdict()


@dataclass(frozen=True, slots=True)
class Price:
    """The price of one line's change. `objection` says why nothing can be priced, and what to do instead.

    `scored_under` are the fingerprints of the replayed parts, by camera. `unknown_ng` counts reviewed NG parts whose
    stored votes end too early to know their outcome. `cut_short` counts parts that a deadline or a fault ended, and
    the reviewed NG parts among them: no limits would have changed what they got.
    """

    line: str
    scored_under: Mapping[str, str] = field(default_factory=dict)
    objection: str = ""
    impacts: tuple[Impact, ...] = ()
    escapes: tuple[NewEscape, ...] = ()
    unknown_ng: int = 0
    cut_short: tuple[int, int] = (0, 0)

    @property
    def fingerprints(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.scored_under.values()))

    def as_json(self) -> dict[str, Any]:
        return {
            "line": self.line,
            "fingerprints": list(self.fingerprints),
            "objection": self.objection,
            **self.sums(),
            "unknown_ng": self.unknown_ng,
            "cut_short": self.cut_short[0],
            "cut_short_ng": self.cut_short[1],
            "blocks": bool(self.escapes),
            "new_escapes": [each.as_json() for each in self.escapes],
        }

    def sums(self) -> dict[str, Any]:
        """Add up the figures of all fingerprints; pairs are before and after."""
        moved: Counter[str] = Counter()
        for each in self.impacts:
            moved.update({f"{old} to {new}": count for (old, new), count in each.moved.items()})
        return {
            "parts": sum(each.parts for each in self.impacts),
            "reviewed": sum(each.reviewed for each in self.impacts),
            "unknown": sum(each.unknown for each in self.impacts),
            "moved": dict(sorted(moved.items())),
            "escapes": _pair(each.escapes for each in self.impacts),
            "overkill": _pair(each.overkill for each in self.impacts),
        }


@dataclass(frozen=True, slots=True)
class Pricing:
    """Prices changes from stored votes. Every method raises LedgerError."""

    archive: TuningArchive
    tables: VoteTables

    @classmethod
    def over(cls, archive: TuningArchive) -> Self:
        """Build a service with tables of its own."""
        return cls(archive, VoteTables(archive))

    def price(self, line: str, after: Declaration, report: ReportPriced = ignore_progress) -> Price:
        """Replay the stored parts of a line under its live version and under other settings.

        Only parts that were judged with the same scores count: votes of another fingerprint say nothing.
        """
        versions = self.archive.versions(line)
        live = readable(versions[-1]) if versions and versions[-1].declaration else None
        if live is None:
            return Price(line, objection="there is no live version to compare it with")
        scored_under = self._comparable(line, versions, after)
        if not scored_under:
            return Price(line, objection=_unpriceable(line))
        compared = self._compare(line, live.pipeline, after, scored_under, self.tables.voted_parts, report)
        return Price(
            line,
            scored_under,
            impacts=tuple(each.impact for each in compared),
            escapes=tuple(escape for each in compared for escape in _new_escapes(each)),
            unknown_ng=sum(each.unknown_ng for each in compared),
            cut_short=_pair(each.cut_short for each in compared),
        )

    def fingerprints(self, line: str, after: Declaration) -> tuple[str, ...]:
        """Return the fingerprints of the stored parts that were judged with the scores of these settings."""
        return tuple(dict.fromkeys(self._comparable(line, self.archive.versions(line), after).values()))

    def compare(self, line: str, after: Declaration, rungs: int | None = None) -> tuple[VoteComparison, ...]:
        """Compare the live version with other settings on the stored parts, one fingerprint after the other.

        Returns nothing where no stored part was judged with their scores. `rungs` also shortens the ladder. The newest
        parts may be missing (`VoteTables.recent_parts`); a price looks at all.
        """
        versions = self.archive.versions(line)
        scored_under = self._comparable(line, versions, after)
        if not scored_under:
            return ()
        before = readable(versions[-1]).pipeline
        return self._compare(line, before, after, scored_under, self.tables.recent_parts, rungs=rungs)

    def update_pages(self, line: str) -> Iterator[None]:
        """Bring the tables of a line's live version up to date, page by page."""
        versions = self.archive.versions(line)
        if not versions or not versions[-1].declaration:
            return
        live = readable(versions[-1])
        for fingerprint in dict.fromkeys(self._comparable(line, versions, live).values()):
            yield from self.tables.update_pages(line, fingerprint, live.pipeline)

    def _compare(
        self,
        line: str,
        before: Pipeline,
        after: Declaration,
        scored_under: Mapping[str, str],
        select: SelectParts,
        report: ReportPriced = ignore_progress,
        rungs: int | None = None,
    ) -> tuple[VoteComparison, ...]:
        fingerprints, compared = tuple(dict.fromkeys(scored_under.values())), []
        for done, each in enumerate(fingerprints):
            report(done, len(fingerprints))
            compared.append(self._compared(select(line, each), before, after.pipeline, rungs))
        return tuple(compared)

    def _comparable(self, line: str, versions: Sequence[LineVersion], after: Declaration) -> dict[str, str]:
        """Return the newest fingerprint of each camera under versions that score it as the new settings do."""
        known = {each.version: readable(each) for each in versions if each.declaration and each.golden == after.golden}
        return {
            judged.camera: judged.fingerprint
            for judged in self.tables.judged_cameras(line)
            if judged.version in known and _scores_alike(known[judged.version].pipeline, after.pipeline, judged.camera)
        }

    def _compared(self, voted: VotedParts, before: Pipeline, after: Pipeline, rungs: int | None) -> VoteComparison:
        votes = self.tables.votes(voted, before)
        is_alike = rungs is None and after.model_copy(update={"thresholds": before.thresholds}) == before
        changed = votes.table if is_alike else self.tables.votes(voted, after, rungs).table
        return VoteComparison(
            voted.fingerprint, votes, PairOutcomes.of(votes.table, before), PairOutcomes.of(changed, after)
        )


class EscapesError(InspectorError):
    """A change that nobody may make: parts that people called NG would newly pass, and not as many are accepted."""

    def __init__(self, text: str, escapes: int, *, lacks_reason: bool = False) -> None:
        super().__init__(text)
        self.escapes = escapes
        self.lacks_reason = lacks_reason


def require_accepted(prices: Sequence[Price], accepted: int | None, reason: str) -> None:
    """Raise EscapesError where known NG parts would newly pass and nobody accepted exactly that number."""
    escapes = [escape for price in prices for escape in price.escapes]
    if accepted is not None and accepted != len(escapes):
        raise EscapesError(
            f"accept-escapes: {accepted} is not the number of NG parts that would newly pass, which is {len(escapes)}; "
            f"look at them first: inspector price",
            len(escapes),
        )
    if escapes and accepted is None:
        rows = [_heading(prices, escapes), *map(_row, escapes), _remedy(escapes)]
        raise EscapesError("\n".join(rows), len(escapes))
    if escapes and len(reason) < MIN_REASON_CHARACTERS:
        need = f"one of at least {MIN_REASON_CHARACTERS} characters"
        text = f"reason: accepting NG parts that would pass needs {need}; add --reason WHY"
        raise EscapesError(text, len(escapes), lacks_reason=True)


def _heading(prices: Sequence[Price], escapes: Sequence[NewEscape]) -> str:
    lines = ", ".join(price.line for price in prices if price.escapes)
    return f"{lines}: {len(escapes)} part(s) that people called NG would newly pass; nothing is stored"


def _row(escape: NewEscape) -> str:
    part = f", part {escape.part_id}" if escape.part_id else ""
    score = "" if escape.p_ng is None else f", p(NG) {escape.p_ng:.3f}"
    doubt = "" if escape.is_certain else "; its votes end too early to be sure"
    return f"  {escape.camera}/{escape.trigger_id}{part}{score}, was {escape.disposition}{doubt}"


def _remedy(escapes: Sequence[NewEscape]) -> str:
    return f"choose narrower limits, or accept them: --accept-escapes {len(escapes)} --reason WHY"


def _unpriceable(line: str) -> str:
    return (
        f"no stored part was judged with these scores (a new fingerprint), so the change can't be priced from stored "
        f"votes; {line} passes nothing under it until it is qualified: inspector qualify {line}"
    )


def _scores_alike(one: Pipeline, other: Pipeline, camera: str) -> bool:
    return one.settings_fingerprint(camera) == other.settings_fingerprint(camera)


def _new_escapes(compared: VoteComparison) -> list[NewEscape]:
    is_certain = compared.after.outcome != ReplayedOutcome.UNKNOWN
    return [
        _new_escape(compared.line_votes.parts.named(at), is_certain=bool(is_certain[at]))
        for at in np.flatnonzero(compared.escapes).tolist()
    ]


def _new_escape(part: IdentifiedPart, *, is_certain: bool) -> NewEscape:
    named = (part.result_id, part.camera, part.trigger_id, part.part_id, part.decided_at, part.p_ng)
    return NewEscape(*named, part.disposition, is_certain)


def _pair(pairs: Iterable[tuple[int, int]]) -> tuple[int, int]:
    listed = list(pairs)
    return sum(before for before, _ in listed), sum(after for _, after in listed)

"""The rights of a taught model, and what is missing for more. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from inspector.teaching.part_features import CLASS_SEPARATOR, TaughtPart

MIN_NG_FOR_HEADS: Final = 10  # with fewer NG parts no head is learned
MIN_NG_TO_DECIDE: Final = 30  # with 10, the same head came out at .66, .91 and .86 by the draw
MIN_GOOD_PARTS: Final = 4
MIN_GROUPS: Final = 2
MIN_DECIDED_SHARE: Final = 0.5  # of the parts, for the right to decide
MIN_RANKING: Final = 0.6  # AUROC on held-back groups, for any advice but refuse, once heads are learned


class Advice(StrEnum):
    """What a taught model may do.

    DECIDE: propose it for qualification. ASSIST: it may only withhold a PASS. REFUSE: leave it out.
    """

    DECIDE = "decide"
    ASSIST = "assist"
    REFUSE = "refuse"


class TaughtEvidence(NamedTuple):
    """The parts that a line was taught with, by kind. `grouped`: whether groups were named for them."""

    ng: int
    ok: int
    groups: int
    grouped: bool


class MeasuredRanking(NamedTuple):
    """The figures on held-back groups. None where no NG part is known."""

    auroc: float | None
    may_pass: bool
    decided_share: float | None


def evidence_of(parts: Sequence[TaughtPart], *, grouped: bool) -> TaughtEvidence:
    ng = sum(part.is_ng for part in parts)
    return TaughtEvidence(ng, len(parts) - ng, len({part.group for part in parts}), grouped)


def advise(evidence: TaughtEvidence, ranking: MeasuredRanking) -> Advice:
    """Return the right that the evidence supports."""
    if evidence.ok < MIN_GOOD_PARTS or evidence.groups < MIN_GROUPS:
        return Advice.REFUSE
    if evidence.ng >= MIN_NG_FOR_HEADS and ranking.auroc is not None and ranking.auroc < MIN_RANKING:
        return Advice.REFUSE
    enough = evidence.ng >= MIN_NG_TO_DECIDE and evidence.grouped and ranking.may_pass
    decides = enough and ranking.decided_share is not None and ranking.decided_share >= MIN_DECIDED_SHARE
    return Advice.DECIDE if decides else Advice.ASSIST


def missing_evidence(
    evidence: TaughtEvidence, ranking: MeasuredRanking, declared: Collection[str], parts: Sequence[TaughtPart]
) -> list[str]:
    """List what is missing for the right to decide, in words for the person who can provide it."""
    missing = []
    if evidence.ok < MIN_GOOD_PARTS:
        missing.append(f"{MIN_GOOD_PARTS - evidence.ok} more good parts")
    if evidence.ng < MIN_NG_FOR_HEADS:
        missing.append(f"{MIN_NG_FOR_HEADS - evidence.ng} more NG parts before any method learns from defects")
    elif evidence.ng < MIN_NG_TO_DECIDE:
        missing.append(f"{MIN_NG_TO_DECIDE - evidence.ng} more NG parts for the right to REJECT")
    if not evidence.grouped or evidence.groups < MIN_GROUPS:
        missing.append("parts of several groups (part, lot or shift), so that figures hold for new ones")
    seen = Counter(defect for part in parts for defect in part.defect.split(CLASS_SEPARATOR) if part.is_ng and defect)
    unseen = sorted(set(declared) - set(seen))
    if seen and unseen:
        missing.append(f"classes never seen: {', '.join(unseen)}")
    if evidence.ng >= MIN_NG_TO_DECIDE and not ranking.may_pass:
        missing.append("a limit below which NG parts are certified to be rare; more parts, or sharper pictures")
    return missing

"""The audit sample: parts drawn with a known probability, independent of verdicts and reviewers. Pure.

A part's result_id is a random number (UUID 4), so it is its own draw: a part is in the sample while its leading digits
lie below the share. The draw never changes, and an index finds the sample without reading the other parts.
"""

from __future__ import annotations

from typing import Final

from inspector.domain.part import PartRecord
from inspector.domain.pipeline import ReviewSettings

DRAW_DIGITS: Final = 8  # leading hexadecimal digits of a result_id, all of them random
DRAWS: Final = 16**DRAW_DIGITS


def draw_limit(share: float) -> str | None:
    """Return the lowest result_id that is not in the sample of this share; None where all are."""
    below = round(share * DRAWS)
    return f"{below:0{DRAW_DIGITS}x}" if below < DRAWS else None


def is_drawn(result_id: str, share: float) -> bool:
    limit = draw_limit(share)
    return limit is None or result_id < limit


def audit_probability(part: PartRecord, settings: ReviewSettings) -> float | None:
    """Return the probability with which this part was drawn; None where it is not in the sample.

    Parts that were never judged have no verdict to audit, and those without a picture can't be audited.
    """
    share = settings.audit_share(part.would_be.disposition)
    is_auditable = bool(part.votes) and part.evidence is not None
    return share if is_auditable and is_drawn(part.result_id, share) else None

"""Reviews with label, mode and what they supersede; the truth of each part; leases; messages about reviews.

Stored reviews came from files. Each of them supersedes its reviewer's earlier one about the same part.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)
REQUIRED: dict[str, Any] = {"review_id": sa.String(), "classes": sa.JSON(), "boxes": sa.JSON(), "mode": sa.String()}
UNREVIEWED = "reviewed_at IS NULL"
PARTIAL_INDEXES = (
    ("ix_outbox_reviews", "outbox", ["number", "line"], "published_at IS NULL AND review IS NOT NULL"),
    (
        "ix_parts_open",
        "parts",
        ["line", "number"],
        f"{UNREVIEWED} AND vote_count > 0 AND would_be_disposition = 'REVIEW'",
    ),
    ("ix_parts_never_judged", "parts", ["line", "number"], f"{UNREVIEWED} AND vote_count = 0"),
    (
        "ix_parts_unreviewed",
        "parts",
        ["line", "fingerprint", "p_ng"],
        f"{UNREVIEWED} AND vote_count > 0 AND evidence IS NOT NULL",
    ),
    (
        "ix_parts_draw",
        "parts",
        ["line", "would_be_disposition", "result_id"],
        f"{UNREVIEWED} AND vote_count > 0 AND evidence IS NOT NULL",
    ),
)
STANDING = """
    SELECT r.part, count(*) AS answers, max(r.number) AS newest,
           sum(CASE WHEN r.label = 'NG' THEN 1 ELSE 0 END) AS ng
    FROM reviews r WHERE NOT EXISTS
    (SELECT 1 FROM reviews later WHERE later.part = r.part AND later.supersedes = r.review_id)
    GROUP BY r.part
"""


def upgrade() -> None:
    _extend_reviews()
    _create_truths()
    _create_leases()
    op.add_column("outbox", sa.Column("review", sa.String()))
    for name, table, columns, where in PARTIAL_INDEXES:
        condition: dict[str, Any] = {"sqlite_where": sa.text(where), "postgresql_where": sa.text(where)}
        op.create_index(name, table, columns, **condition)


def _extend_reviews() -> None:
    for name, kind in REQUIRED.items():
        op.add_column("reviews", sa.Column(name, kind))
    op.add_column("reviews", sa.Column("blind", sa.Boolean()))
    for name, kind in (("label", sa.String()), ("supersedes", sa.String())):
        op.add_column("reviews", sa.Column(name, kind))
    for name in ("seconds", "probability"):
        op.add_column("reviews", sa.Column(name, sa.Double()))
    op.execute(
        "UPDATE reviews SET review_id = 'stored-' || number, classes = '[]', boxes = '[]', mode = 'import', "
        "blind = false, label = CASE WHEN is_ng THEN 'NG' ELSE 'OK' END"
    )
    op.execute(
        "UPDATE reviews SET supersedes = (SELECT earlier.review_id FROM reviews earlier WHERE "
        "earlier.part = reviews.part AND earlier.reviewer = reviews.reviewer AND earlier.number < reviews.number "
        "ORDER BY earlier.number DESC LIMIT 1)"
    )
    with op.batch_alter_table("reviews") as reviews:
        for name, kind in REQUIRED.items():
            reviews.alter_column(name, existing_type=kind, nullable=False)
        reviews.alter_column("blind", existing_type=sa.Boolean(), nullable=False)
        reviews.drop_column("is_ng")
        reviews.create_unique_constraint("uq_reviews_review_id", ["review_id"])


def _create_truths() -> None:
    op.create_table(
        "truths",
        _part("truths"),
        _column("line", sa.String()),
        _column("state", sa.String()),
        _column("label", sa.String(), nullable=True),
        _column("reviews", sa.Integer()),
        _column("by", sa.String()),
        _column("at", TIME),
        _column("announced", sa.String(), nullable=True),
        _column("announced_by", sa.String(), nullable=True),
    )
    op.execute(
        'INSERT INTO truths (part, line, state, label, reviews, "by", at) '
        "SELECT s.part, p.line, CASE WHEN s.ng > 0 AND s.ng < s.answers THEN 'DISPUTED' "
        "WHEN s.answers = 1 THEN 'SINGLE' ELSE 'AGREED' END, "
        "CASE WHEN s.ng = s.answers THEN 'NG' WHEN s.ng = 0 THEN 'OK' END, s.answers, newest.review_id, newest.at "
        f"FROM ({STANDING}) s JOIN reviews newest ON newest.number = s.newest JOIN parts p ON p.number = s.part"
    )
    op.create_index("ix_truths_line_state_label_part", "truths", ["line", "state", "label", "part"])


def _create_leases() -> None:
    op.create_table(
        "review_leases",
        _part("review_leases"),
        _column("line", sa.String()),
        _column("reviewer", sa.String()),
        _column("purpose", sa.String()),
        _column("blind", sa.Boolean()),
        _column("until", TIME),
    )
    op.create_index("ix_review_leases_line_reviewer", "review_leases", ["line", "reviewer"])


def _part(table: str) -> sa.Column[Any]:
    reference = sa.ForeignKey("parts.number", name=f"fk_{table}_part")
    return sa.Column("part", NUMBER, reference, primary_key=True, autoincrement=False)


def _column(name: str, kind: Any, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=nullable)

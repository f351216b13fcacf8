"""Every change that a person makes to a line is in the audit, with who made it, or was not made."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from support.databases import connected, count_of, execute, fetch
from support.fakes import a_pipeline

from inspector.adapters.ledger import (
    DeclaredVersion,
    SqlChallengeStore,
    SqlDraftStore,
    SqlLineStore,
    SqlQualificationStore,
    store_versions,
    upgrade,
)
from inspector.adapters.ledger.tables import audit
from inspector.domain.line_state import LineState, PassRight, RightOrigin
from inspector.errors import LedgerError
from inspector.ports.challenge import ChallengeChange, NewChallengePart, QualificationBasis, QualificationRecord
from inspector.ports.drafts import Draft
from inspector.ports.lines import StatusChange

NOW: Final = datetime(2026, 3, 4, 12, tzinfo=UTC)
CHANGE: Final = ChallengeChange("ann", NOW, "weekly")


def set_live(url: str) -> None:
    right = PassRight("f1", "p1", RightOrigin.OVERRIDE, ("cam1",), NOW + timedelta(days=7), "trial")
    SqlLineStore(url).change_status(StatusChange("pcb", LineState.LIVE, (right,), "trial", "ann"))


def add_version(url: str) -> None:
    store_versions(url, [DeclaredVersion(a_pipeline(), (), "ann", reason="first")])


def add_draft(url: str) -> None:
    with closing(SqlDraftStore(url)) as store:
        store.add_draft(Draft("d1", a_pipeline(), (), 1, "ann", "less overkill", "", NOW))


def add_first_draft(url: str) -> None:
    add_version(url)
    add_draft(url)


def end_draft(url: str) -> None:
    with closing(SqlDraftStore(url)) as store:
        store.end_draft("pcb", "ann")


def add_challenge_part(url: str) -> None:
    with closing(SqlChallengeStore(url)) as store:
        store.add_challenge_parts("pcb", [NewChallengePart("ab", True)], CHANGE)


def remove_challenge_part(url: str) -> None:
    with closing(SqlChallengeStore(url)) as store:
        store.remove_challenge_parts("pcb", [1], CHANGE)


def qualify(url: str) -> None:
    how = ("f1", "p1", QualificationBasis.SHIPPED, True, {"escape": 0.01}, ())
    SqlQualificationStore(url).record_qualification(
        QualificationRecord("pcb", 1, *how, (), ("cam1",), None, "", "ann", "shipped", NOW)
    )


Change = Callable[[str], None]


@dataclass(frozen=True)
class Case:
    """A change, the table that it writes, its entry, part of the entry's detail, and the change that it needs first."""

    change: Change
    table: str
    entry: tuple[str, str]
    detail: dict[str, Any]
    first: Change | None = None


CASES: Final = {
    "state": Case(set_live, "line_states", ("line.state", "pcb"), {"state": "LIVE", "reason": "trial"}),
    "right": Case(set_live, "pass_rights", ("line.state", "pcb"), {}),
    "version": Case(add_version, "pipeline_versions", ("version.add", "pcb/1"), {"parent": None, "reason": "first"}),
    "draft": Case(add_draft, "drafts", ("draft.add", "pcb/d1"), {"base": 1, "reason": "less overkill"}, add_version),
    "draft's end": Case(end_draft, "drafts", ("draft.end", "pcb/d1"), {}, add_first_draft),
    "challenge part": Case(add_challenge_part, "challenge_parts", ("challenge.add", "pcb"), {"reason": "weekly"}),
    "removal": Case(
        remove_challenge_part, "challenge_parts", ("challenge.remove", "pcb"), {"parts": [1]}, add_challenge_part
    ),
    "qualification": Case(qualify, "qualifications", ("qualification.add", "pcb"), {"passed": True}),
}


@pytest.fixture(params=list(CASES.values()), ids=list(CASES))
def case(request: pytest.FixtureRequest, blank: str) -> Case:
    upgrade(blank)
    found: Case = request.param
    if found.first:
        found.first(blank)
    return found


def test_audit_of_a_change_names_who_what_and_why(case: Case, blank: str) -> None:
    case.change(blank)
    with connected(blank) as connection:
        row = connection.execute(audit.select().order_by(audit.c.number.desc())).first()
    assert row is not None
    assert (row.actor, row.line, row.action, row.subject) == ("ann", "pcb", *case.entry)
    assert case.detail.items() <= row.detail.items()


def test_change_that_can_not_be_audited_is_not_made(case: Case, blank: str) -> None:
    before = fetch(blank, f"SELECT * FROM {case.table}")
    execute(blank, "ALTER TABLE audit RENAME TO elsewhere")
    with pytest.raises(LedgerError):
        case.change(blank)
    assert fetch(blank, f"SELECT * FROM {case.table}") == before


def test_change_that_changes_nothing_is_not_audited(blank: str) -> None:
    upgrade(blank)
    add_version(blank)
    add_version(blank)
    end_draft(blank)
    assert count_of(blank, "audit") == 1

"""Every change that a person makes to a line is in the audit, with who made it, or was not made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import pytest
from support.databases import connected, count_of, execute, fetch
from support.line_writes import (
    add_challenge_part,
    add_draft,
    add_first_draft,
    add_version,
    end_draft,
    qualify,
    remove_challenge_part,
    set_live,
)

from inspector.adapters.ledger import upgrade
from inspector.adapters.ledger.tables import audit
from inspector.errors import LedgerError

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

"""Kill -9 before any statement or commit of a write to a line: all of it is stored, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import pytest
from support import line_writes as writes
from support.killed_writer import killed_at_each_step

from inspector.adapters.ledger import upgrade

Write = Callable[[str], object]


@dataclass(frozen=True)
class Case:
    """A write, the tables that it changes besides the audit, and the writes that it needs first."""

    write: Write
    tables: frozenset[str]
    first: tuple[Write, ...] = (writes.add_version,)


def case(write: Write, tables: str, *first: Write) -> Case:
    return Case(write, frozenset(tables.split()), first or (writes.add_version,))


PROVED: Final = "pipeline_versions qualifications pass_rights"
CASES: Final = {
    "state": case(writes.set_live, "line_states pass_rights"),
    "qualification": case(writes.qualify, "qualifications pass_rights"),
    "refusal": case(writes.refuse, "qualifications pass_rights", writes.add_version, writes.qualify),
    "version": case(writes.change_version, PROVED),
    "rollback": case(writes.roll_back, "pipeline_versions qualifications", writes.add_version, writes.change_version),
    "golden sample": case(writes.add_golden_sample, "pipeline_versions"),
    "draft": case(writes.add_draft, "drafts"),
    "draft's end": case(writes.end_draft, "drafts", writes.add_first_draft),
    "promotion": case(writes.promote, f"{PROVED} drafts", writes.add_first_draft),
    "challenge parts": case(writes.add_challenge_parts, "challenge_parts"),
    "removal": case(writes.remove_challenge_part, "challenge_parts", writes.add_version, writes.add_challenge_part),
    "camera": case(writes.rename_camera, "pipeline_versions pass_rights challenge_parts", writes.have_camera_parts),
}


ON_SERVERS: Final = ("qualification", "promotion", "camera")  # those that write the most tables
RUNS: Final = [("sqlite", name) for name in CASES] + [("postgresql", name) for name in ON_SERVERS]


@pytest.mark.parametrize(("blank", "name"), RUNS, indirect=["blank"])
def test_a_write_that_is_killed_is_stored_whole_or_not_at_all(name: str, blank: str) -> None:
    upgrade(blank)
    for write in CASES[name].first:
        write(blank)
    *killed, ended = killed_at_each_step(blank, CASES[name].write)
    assert len(killed) >= 3, "a write has a statement of its own, that of its audit entry, and a commit"
    assert killed == [set()] * len(killed)
    assert ended == CASES[name].tables | {"audit"}

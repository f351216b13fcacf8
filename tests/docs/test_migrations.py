"""The steps of the schema form one chain: whoever adds a step at the same time as another finds out before it lands."""

from __future__ import annotations

import re

from support.paths import ROOT

VERSIONS = ROOT / "inspector" / "adapters" / "ledger" / "migrations" / "versions"
STEP = re.compile(r'^revision(?:: str)? = "(\d{4})"\ndown_revision(?:: [^=]+)? = (?:"(\d{4})"|None)$', re.M)


def test_steps_of_the_schema_are_one_chain_and_their_files_say_which() -> None:
    files = sorted(path for path in VERSIONS.glob("v*.py"))
    found = [match.groups() for path in files if (match := STEP.search(path.read_text()))]
    numbers = [path.name[1:5] for path in files]
    assert found == list(zip(numbers, [None, *numbers[:-1]], strict=True))

"""Where the version of a line comes from."""

from __future__ import annotations

from enum import StrEnum


class VersionOrigin(StrEnum):
    """What made a version of a line.

    FILE: a file that people keep. CONSOLE: the pages. LEARN, PLAN, CHECKLIST, TEACH and GOLDEN: the command of that
    name. ROLLBACK: an earlier version of the line.
    """

    FILE = "file"
    CONSOLE = "console"
    LEARN = "learn"
    PLAN = "plan"
    CHECKLIST = "checklist"
    TEACH = "teach"
    GOLDEN = "golden"
    ROLLBACK = "rollback"

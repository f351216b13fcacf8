"""Parts and pictures to show in the console, and a way to lay them into `fakes.MemoryLedger` from any thread."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

from PIL import Image, ImageDraw
from support.fakes import REJECTED, MemoryLedger, a_part

from inspector.domain.declared import Severity, ViewName
from inspector.domain.part import PartRecord, PartState
from inspector.domain.report import Box, Finding, Words, WordsState
from inspector.domain.vote import Vote
from inspector.ports.archive import PartRow
from inspector.utc import utc_now


def store(ledger: MemoryLedger, *parts: PartRecord) -> None:
    ledger.rows += [PartRow(len(ledger.rows) + at, part) for at, part in enumerate(parts, start=1)]


def a_picture(side: int = 200, kind: str = "JPEG") -> bytes:
    """A green board with a bright scratch."""
    image = Image.new("RGB", (side, side), (24, 92, 60))
    ImageDraw.Draw(image).line((side * 0.3, side * 0.4, side * 0.6, side * 0.55), (240, 240, 230), side // 60 + 1)
    written = io.BytesIO()
    image.save(written, kind)
    return written.getvalue()


def a_pass(result_id: str = "r1", **changes: Any) -> PartRecord:
    """Passed on one vote, just now, and published."""
    now = utc_now()
    times = {"received_at": now - timedelta(milliseconds=120), "decided_at": now}
    told = {"p_ng": 0.04, "agreement": 1.0, "state": PartState.PUBLISHED}
    return a_part(f"t-{result_id}", **{"result_id": result_id, **times, **told, **changes})


def a_reject(result_id: str = "r2", **changes: Any) -> PartRecord:
    """A scratch: three votes over two rungs, one of them unreadable."""
    votes = (
        Vote(ViewName.DIRECT, 0, 0.71, 1, 58.0, p_true=0.83),
        Vote(ViewName.CHECKLIST, 1, 0.97, 2, 90.0, "Is there a scratch on this board"),
        Vote(ViewName.ZOOM, 1, None, 24, 140.0, "I am not sure"),
    )
    found = Finding("scratch", Severity.MAJOR, Box(0.28, 0.37, 0.63, 0.59), "A bright scratch across the board.")
    words = Words(WordsState.WRITTEN, (found,), '{"defect": "scratch"}', 31, 240.0)
    told = {"decision": REJECTED, "p_ng": 0.92, "votes": votes, "rungs": 2, "words": words}
    return a_pass(result_id, **{**told, **changes})

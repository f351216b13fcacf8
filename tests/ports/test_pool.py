"""What a station asks of a model replica."""

from __future__ import annotations

import pytest
from support.line_fakes import pipeline

from inspector.domain.frame import FrameKey
from inspector.ports.pool import Job


@pytest.mark.parametrize(
    ("remaining_ms", "silence_s"), [(-5.0, 0.5), (800.0, 0.5), (4000.0, 1.0), (5000.0, 1.25), (60_000.0, 2.0)]
)
def test_a_replica_may_be_silent_for_a_quarter_of_the_time_within_bounds(remaining_ms: float, silence_s: float) -> None:
    assert Job(FrameKey("pcb", "cam1", "t-1"), b"picture", pipeline(), (), remaining_ms).silence_s == silence_s

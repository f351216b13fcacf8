"""Settings of one live line, with a real broker and an empty ledger, for a station in the test's own process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.declarations import line_file
from support.fakes import live_version

from inspector.adapters.ledger import upgrade
from inspector.adapters.mqtt.local.broker import local_broker
from inspector.bootstrap.from_settings import absolute
from inspector.lines.states import OverrideRequest
from inspector.operations.line_states import line_states
from inspector.operations.service import apply_pipelines
from inspector.settings import Settings


@contextmanager
def local_station(folder: Path, deadline_ms: int = 600_000) -> Iterator[Settings]:
    """Yield the settings; the broker runs until the block ends."""
    (folder / "pipelines").mkdir(parents=True)
    (folder / "pipelines" / "pcb.yaml").write_text(line_file(deadline_ms=deadline_ms))
    with local_broker(folder / "broker", prefer="mosquitto") as broker:
        here = absolute(Settings(data=folder, broker_port=broker.port, site="drain"))
        upgrade(here.database)
        apply_pipelines(here, folder / "pipelines")
        _set_live(here)
        yield here


def _set_live(settings: Settings) -> None:
    """Let the line pass parts that the fake model judges."""
    with line_states(settings) as states:
        [view] = states.views()
        judged_by = live_version(view.version.pipeline).status.rights[0].fingerprint
        states.go_live(view.line, "test", "drill", OverrideRequest({"cam1": judged_by}))

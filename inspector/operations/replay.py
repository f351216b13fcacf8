"""Sends a labelled folder (or a virtual line) to a running service, as a camera would, and waits for the verdicts."""

from __future__ import annotations

import csv
import mimetypes
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from typing import Final, NamedTuple

from inspector.adapters.mqtt.connection import Broker
from inspector.adapters.mqtt.line_client import Exposure, Journey, LineClient
from inspector.errors import InspectorError
from inspector.messages.topics import Topics

SILENCE_TIMEOUT_S: Final = (
    60.0  # a service that starts again needs some seconds; after this long a silence frames are lost
)

PublishedLine = tuple[str, str, Iterator[Exposure]]  # line, camera, what it sends
ProgressView = Callable[[Callable[[], list[Journey]]], AbstractContextManager[None]]


def no_progress_view(_journeys: Callable[[], list[Journey]]) -> AbstractContextManager[None]:
    """Watches nothing."""
    return nullcontext()


class LabelledPicture(NamedTuple):
    """One row of labels.csv. `is_ng` is None where the verdict is neither ok nor ng."""

    path: Path
    is_ng: bool | None
    part_id: str | None


def read_labels(folder: Path) -> list[LabelledPicture]:
    """The rows of `labels.csv` (columns image, verdict, and group where known). Raises InspectorError naming the
    row that can't be used."""
    table = folder / "labels.csv"
    if not table.is_file():
        raise InspectorError(f"{table} is missing; a folder to replay holds labels.csv with columns image,verdict")
    with table.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    if not rows:
        raise InspectorError(f"{table} has no rows")
    return [_labelled(folder, row, number) for number, row in enumerate(rows, start=2)]


def _labelled(folder: Path, row: dict[str, str], number: int) -> LabelledPicture:
    image = row.get("image")
    if not image:
        raise InspectorError(f"{folder / 'labels.csv'} row {number}: column image is empty or missing")
    path = folder / image
    if not path.is_file():
        raise InspectorError(f"{folder / 'labels.csv'} row {number}: {path} is missing")
    return LabelledPicture(path, {"ng": True, "ok": False}.get(row.get("verdict", "")), row.get("group") or None)


def exposures(pictures: list[LabelledPicture], frames: int | None, run: str) -> Iterator[Exposure]:
    """The pictures in their order, over and over until there are `frames` of them (all once when None)."""
    for seq in range(frames if frames is not None else len(pictures)):
        picture = pictures[seq % len(pictures)]
        yield Exposure(
            trigger_id=f"{run}-{seq}",
            payload=picture.path.read_bytes(),
            content_type=mimetypes.guess_type(picture.path.name)[0] or "application/octet-stream",
            seq=seq,
            part_id=picture.part_id,
            is_simulated=False,
            is_ng=picture.is_ng,
        )


def run_lines(
    broker: Broker,
    topics: Topics,
    lines: list[PublishedLine],
    fps: float,
    name: str,
    *,
    watch: ProgressView = no_progress_view,
    patience_s: float = SILENCE_TIMEOUT_S,
) -> list[Journey]:
    """Sends each line's exposures in turn, `fps` frames a second over all lines, and waits for the verdicts; Ctrl-C
    ends the sending. `watch` gets a function that tells how far the run is. Raises BrokerError when the broker can't
    be reached."""
    with ExitStack() as stack:
        clients = [stack.enter_context(LineClient(broker, topics, line, camera, name)) for line, camera, _ in lines]

        def journeys() -> list[Journey]:
            return [journey for client in clients for journey in client.journeys()]

        with watch(journeys):
            try:
                _send_all([(client, source) for client, (_, _, source) in zip(clients, lines, strict=True)], fps)
            except KeyboardInterrupt:
                patience_s = min(patience_s, 3.0)
            for client in clients:
                client.wait(patience_s)
        return journeys()


def _send_all(lines: list[tuple[LineClient, Iterator[Exposure]]], fps: float) -> None:
    """Keeps the rate by the clock, not by sleeping between frames: a slow frame is followed by quick ones."""
    started, sent = time.monotonic(), 0
    while lines:
        for client, source in list(lines):
            exposure = next(source, None)
            if exposure is None:
                lines.remove((client, source))
                continue
            time.sleep(max(0.0, started + sent / fps - time.monotonic()))
            client.send(exposure)
            sent += 1

"""Publish frames to a running service as a camera would, and wait for the verdicts: a labelled folder or simulated
lines.
"""

from __future__ import annotations

import json
import math
import mimetypes
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from typing import Final, NamedTuple

from inspector.adapters.mqtt.connection import Broker
from inspector.adapters.mqtt.line_client import Exposure, Journey, LineClient
from inspector.errors import Fault, InspectorError
from inspector.messages.topics import Topics
from inspector.operations.csv_table import CsvRow, read_table, require_faultless, shown
from inspector.operations.regular_file import regular_bytes
from inspector.operations.send_rate import SendRate

SILENCE_TIMEOUT_S: Final = 60.0  # without a verdict; then open frames count as lost. A restart of the service fits in
INTERRUPTED_TIMEOUT_S: Final = 3.0  # the same after Ctrl-C
LABEL_COLUMNS: Final = ("image", "verdict", "group", "defect", "boxes", "reference", "camera")

ProgressView = Callable[[Callable[[], list[Journey]]], AbstractContextManager[None]]  # gets the journeys so far


def no_progress_view(_journeys: Callable[[], list[Journey]]) -> AbstractContextManager[None]:
    """Show nothing."""
    return nullcontext()


class PublishedLine(NamedTuple):
    """A line and camera, with the exposures to publish for them."""

    line: str
    camera: str
    exposures: Iterator[Exposure]


class LabelledPicture(NamedTuple):
    """One row of labels.csv. `is_ng` is None if the verdict is neither ok nor ng.

    `boxes` are the drawn defects in pixels, `template` the picture that this one is compared with, and
    `template_name` its name in the row. `camera` took the picture.
    """

    path: Path
    is_ng: bool | None
    part_id: str | None
    defect: str = ""
    boxes: tuple[tuple[float, float, float, float], ...] = ()
    template: Path | None = None
    template_name: str | None = None
    camera: str | None = None


def read_labels(folder: Path) -> list[LabelledPicture]:
    """Read `labels.csv` with the columns image, verdict and, optionally, group, defect, boxes, reference and camera.

    Raises DeclarationError with every fault, each with its row and remedy.
    """
    table = folder / "labels.csv"
    if not table.is_file():
        raise InspectorError(f"{table} is missing; a folder to replay holds labels.csv with columns image,verdict")
    rows = read_table(table, LABEL_COLUMNS).rows
    require_faultless([fault for row in rows for fault in _label_faults(folder, table, row)])
    return [_labelled(folder, row.cells) for row in rows]


def _label_faults(folder: Path, table: Path, row: CsvRow) -> Iterator[Fault]:
    image, reference = row.cells["image"], row.cells["reference"]
    if not image:
        yield Fault(str(table), "image", "it is empty or missing", "write the name of a picture", row.number)
    for column, name in (("image", image), ("reference", reference)):
        if name and not (folder / name).is_file():
            yield Fault(str(table), column, f"{shown(name)} is missing", "add the file, or remove the row", row.number)
    try:
        _boxes(row.cells["boxes"])
    except (TypeError, ValueError, RecursionError):
        problem, remedy = f"{shown(row.cells['boxes'])} is no list of boxes", "write [[x0, y0, x1, y1], …] in pixels"
        yield Fault(str(table), "boxes", problem, remedy, row.number)


def _labelled(folder: Path, cells: dict[str, str]) -> LabelledPicture:
    return LabelledPicture(
        folder / cells["image"],
        {"ng": True, "ok": False}.get(cells["verdict"].lower()),
        cells["group"] or None,
        cells["defect"],
        _boxes(cells["boxes"]),
        folder / cells["reference"] if cells["reference"] else None,
        cells["reference"] or None,
        cells["camera"] or None,
    )


def _boxes(text: str) -> tuple[tuple[float, float, float, float], ...]:
    boxes = tuple((float(x0), float(y0), float(x1), float(y1)) for x0, y0, x1, y1 in json.loads(text or "[]"))
    if not all(0.0 <= x0 < x1 < math.inf and 0.0 <= y0 < y1 < math.inf for x0, y0, x1, y1 in boxes):
        raise ValueError("a box without extent")
    return boxes


def exposures(pictures: list[LabelledPicture], frames: int | None, run: str) -> Iterator[Exposure]:
    """The pictures in order, repeated until there are `frames` of them (None: all once)."""
    for seq in range(frames if frames is not None else len(pictures)):
        picture = pictures[seq % len(pictures)]
        yield Exposure(
            trigger_id=f"{run}-{seq}",
            payload=regular_bytes(picture.path),
            content_type=mimetypes.guess_type(picture.path.name)[0] or "application/octet-stream",
            seq=seq,
            part_id=picture.part_id,
            is_simulated=False,
            template=picture.template_name,
            is_ng=picture.is_ng,
        )


def run_lines(
    broker: Broker,
    topics: Topics,
    lines: list[PublishedLine],
    rate: SendRate,
    name: str,
    *,
    view: ProgressView = no_progress_view,
    timeout_s: float = SILENCE_TIMEOUT_S,
) -> list[Journey]:
    """Publish frames at this rate over all lines, each line in turn, and wait for the verdicts.

    Ctrl-C ends the publishing. Raises BrokerError if the broker is unreachable.
    """
    with ExitStack() as stack:
        clients = [
            stack.enter_context(LineClient(broker, topics, each.line, each.camera, name, rate.on_verdict))
            for each in lines
        ]

        def journeys() -> list[Journey]:
            return [journey for client in clients for journey in client.journeys()]

        with view(journeys):
            try:
                _send_all([(client, each.exposures) for client, each in zip(clients, lines, strict=True)], rate)
            except KeyboardInterrupt:
                timeout_s = min(timeout_s, INTERRUPTED_TIMEOUT_S)
            for client in clients:
                client.wait(timeout_s)
        return journeys()


def _send_all(lines: list[tuple[LineClient, Iterator[Exposure]]], rate: SendRate) -> None:
    while lines:
        for client, source in list(lines):
            exposure = next(source, None)
            if exposure is None:
                lines.remove((client, source))
            else:
                client.send(rate.wait_turn(exposure))

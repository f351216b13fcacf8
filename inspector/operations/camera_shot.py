"""Take a test shot with the model of the card, loaded here."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path

from inspector.adapters.camera import CameraPictureReader
from inspector.adapters.ledger import FileEvidence, SqlArchive, SqlUnknownCameras
from inspector.bootstrap.evidence import open_evidence
from inspector.bootstrap.from_settings import card_of
from inspector.errors import DeclarationError, Fault, InspectorError
from inspector.judging.judge import Judge
from inspector.lines.camera_pictures import CameraPictures
from inspector.lines.camera_shots import CameraShots, ShotDeclaration, ShotResult
from inspector.lines.states import live_version
from inspector.operations.apply import golden_hashes, read_pipelines
from inspector.operations.progress import Notify
from inspector.operations.qualification import LoadedModel, yield_to_live_frames
from inspector.operations.regular_file import named_picture
from inspector.settings import Settings


def take_shot(
    settings: Settings, line: str, camera: str, picture: Path | None, declaration: Path | None, notify: Notify
) -> ShotResult:
    """Judge a picture as the line does, or as an unsaved declaration says. Nothing is recorded.

    Without a picture: the camera's newest one. Raises InspectorError for an unusable picture or declaration, and
    ModelError where the model can't be loaded.
    """
    from inspector.adapters.vlm import load

    evidence = open_evidence(settings)
    with closing(SqlArchive(settings.database)) as archive:
        declared = _declared(archive, evidence, line, declaration)
        unknown = SqlUnknownCameras(settings.database, evidence)
        pictures = CameraPictures(archive, evidence, unknown)
        data = pictures.newest(line, camera).data if picture is None else named_picture(picture)
    card = card_of(settings)
    notify(f"loading {card.name} here; nothing is recorded or published")
    yield_to_live_frames()
    model = LoadedModel(Judge(load(card, settings.model.parent, settings.threads), evidence))
    return asyncio.run(CameraShots(CameraPictureReader(()), model).shoot(declared, camera, data))


def _declared(archive: SqlArchive, evidence: FileEvidence, line: str, file: Path | None) -> ShotDeclaration:
    if file is None:
        live = live_version(archive, line)
        return ShotDeclaration(live.pipeline, live.golden)
    [declared] = read_pipelines(file)
    if declared.pipeline.line != line:
        raise InspectorError(f"{file} declares line {declared.pipeline.line}, not {line}; name the file of {line}")
    faults: list[Fault] = []
    golden = golden_hashes(declared, evidence, faults)
    if faults:
        raise DeclarationError(faults)
    return ShotDeclaration(declared.pipeline, golden)

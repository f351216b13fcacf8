"""Read labelled pictures for a challenge set: from files and folders, or from stored, reviewed parts."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, Final

from inspector.adapters.camera import CameraPictureReader
from inspector.adapters.ledger import SqlArchive, SqlChallengeStore
from inspector.bootstrap.evidence import open_evidence
from inspector.domain.challenge import ChallengePart
from inspector.domain.picture_format import FORMATS
from inspector.errors import InspectorError
from inspector.lines.challenge import ChallengePicture, ChallengeSets, ChallengeSource, stored_pictures
from inspector.operations.line_states import line_states, user_name
from inspector.operations.regular_file import picture_bytes
from inspector.operations.replay import read_labels
from inspector.settings import Settings

LABELS: Final = {"ok": False, "ng": True}
LABEL_REMEDY: Final = "add --label ok or --label ng, or write labels.csv with columns image,verdict"
SUFFIXES: Final = frozenset({".jpeg", ".tif", *(f".{each.suffix}" for each in FORMATS.values())})


@contextmanager
def challenge_sets(settings: Settings) -> Iterator[ChallengeSets]:
    """Yield the challenge sets of this installation's lines. Raises LedgerError."""
    with ExitStack() as stack:
        store = SqlChallengeStore(settings.database)
        stack.callback(store.close)
        states = stack.enter_context(line_states(settings))
        yield ChallengeSets(states, store, open_evidence(settings), CameraPictureReader(()))


def add_challenge_parts(
    settings: Settings,
    line: str,
    paths: Sequence[Path],
    result_ids: Sequence[str],
    source: ChallengeSource,
    reason: str = "",
) -> dict[str, Any]:
    """Add pictures of files, folders and stored parts. Returns how many were added and what the set holds now."""
    if not paths and not result_ids:
        raise InspectorError("no pictures are named; name files, folders, or stored parts with --part RESULT_ID")
    with challenge_sets(settings) as sets, closing(SqlArchive(settings.database)) as archive:
        stored = stored_pictures(archive, sets.evidence, sets.states.version(line).pipeline, result_ids, source)
        added = sets.add(line, chain(pictures_in(paths, source), stored), user_name(), reason)
        return {"added": len(added.numbers), "already_there": added.known} | set_figures(sets.parts(line))


def set_figures(parts: Sequence[ChallengePart]) -> dict[str, int]:
    """Return how many parts of either label a set holds."""
    ng = sum(part.is_ng for part in parts)
    return {"ok": len(parts) - ng, "ng": ng}


def pictures_in(paths: Sequence[Path], source: ChallengeSource) -> Iterator[ChallengePicture]:
    """Yield the labelled pictures of these files and folders. Raises InspectorError that names the unusable one.

    A folder says its labels by labels.csv, or by subfolders `ok` and `ng`; else `source` says them.
    """
    for path in paths:
        if path.is_dir():
            yield from _folder(path, source)
        elif path.is_file():
            yield _picture(path, source)
        else:
            raise InspectorError(f"{path} does not exist; name pictures, or folders of them")


def as_json(part: ChallengePart) -> dict[str, Any]:
    return {
        "number": part.number,
        "label": _name(part.is_ng),
        "camera": part.camera,
        "group": part.group,
        "note": part.note,
        "sha256": part.sha256,
        "author": part.author,
        "at": part.at,
    }


def _folder(folder: Path, source: ChallengeSource) -> Iterator[ChallengePicture]:
    if (folder / "labels.csv").is_file():
        yield from _listed(folder, source)
        return
    labelled = {label: folder / label for label in LABELS if (folder / label).is_dir()}
    if source.is_ng is None and labelled:
        for label, below in labelled.items():
            yield from _folder(below, source._replace(is_ng=LABELS[label]))
        return
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    if not files:
        raise InspectorError(f"{folder} holds no pictures; name a folder of {', '.join(sorted(SUFFIXES))} files")
    for file in files:
        yield _picture(file, source)


def _listed(folder: Path, source: ChallengeSource) -> Iterator[ChallengePicture]:
    if source.is_ng is not None:
        raise InspectorError(f"{folder / 'labels.csv'} says the labels; leave --label out")
    for row in read_labels(folder):
        if row.is_ng is None:
            raise InspectorError(f"{row.path}: verdict in labels.csv is neither ok nor ng; write either")
        note = source.note or row.defect
        camera = source.camera or row.camera or ""
        yield _picture(row.path, ChallengeSource(row.is_ng, source.group or row.part_id or "", note, camera))


def _picture(path: Path, source: ChallengeSource) -> ChallengePicture:
    if source.is_ng is None:
        raise InspectorError(f"{path} has no label; {LABEL_REMEDY}")
    try:
        data = picture_bytes(path)
    except OSError as error:
        raise InspectorError(f"{path} can't be read: {error.strerror}; name a picture") from error
    media_type = mimetypes.guess_type(path.name)[0] or ""
    said = (source.is_ng, source.group, source.note or path.name)
    return ChallengePicture(str(path), data, *said, media_type, source.camera)


def _name(is_ng: bool) -> str:
    return "NG" if is_ng else "OK"

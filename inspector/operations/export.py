"""Export live pipelines as YAML files, and the MQTT contract as documents."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from inspector.adapters.ledger import SqlArchive
from inspector.config.file_base import FileBase
from inspector.config.yaml_reader import to_yaml
from inspector.domain.pipeline import Pipeline
from inspector.errors import BrokerError, LedgerError
from inspector.messages import asyncapi
from inspector.messages.broker_acl import DEFAULT_STATION_USER, LineCameras, mosquitto_acl
from inspector.messages.topics import Topics
from inspector.operations.apply import read_pipelines
from inspector.ports.archive import Archive
from inspector.ports.evidence import EvidenceStore
from inspector.ports.ledger import PipelineVersion
from inspector.settings import Settings


def write_pipelines(archive: Archive, evidence: EvidenceStore, folder: Path) -> list[Path]:
    """Write the live version of every line as YAML that `inspector apply` accepts, with its golden samples.

    Raises LedgerError when a golden sample is not in the evidence store.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return [path for version in archive.list_pipelines() for path in _write_version(version, evidence, folder)]


def _write_version(version: PipelineVersion, evidence: EvidenceStore, folder: Path) -> Iterator[Path]:
    pipeline = version.pipeline
    names = tuple(
        f"golden/{pipeline.line}-{number}{Path(declared).suffix}"
        for number, declared in enumerate(pipeline.golden_samples, 1)
    )
    for name, sha256 in zip(names, version.golden, strict=True):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(_golden_bytes(evidence, sha256, pipeline.line))
        yield folder / name
    path = folder / f"{pipeline.line}.yaml"
    base = FileBase(pipeline.line, version.version)
    path.write_text(as_yaml(pipeline.model_copy(update={"golden_samples": names}), base), encoding="utf-8")
    yield path


def _golden_bytes(evidence: EvidenceStore, sha256: str, line: str) -> bytes:
    try:
        return evidence.get(sha256)
    except KeyError as error:
        raise LedgerError(f"golden sample {sha256[:12]}… of {line} is not in the evidence store") from error


def as_yaml(pipeline: Pipeline, base: FileBase | None, note: str = "") -> str:
    """Return the pipeline as a file that `inspector apply` accepts: its base on the first line, and a note."""
    comments = [str(base)] if base else []
    comments += [f"# {note}"] if note else []
    settings = pipeline.model_dump(mode="json", exclude_defaults=True)
    return "\n".join([*comments, to_yaml(settings)])


def write_contract(topics: Topics, folder: Path) -> list[Path]:
    """Write the AsyncAPI document and the JSON Schema of every payload."""
    folder.mkdir(parents=True, exist_ok=True)
    documents = {"asyncapi.json": asyncapi.document(topics)}
    documents |= {f"{name}.schema.json": schema for name, schema in asyncapi.schemas().items()}
    for name, document in documents.items():
        (folder / name).write_text(json.dumps(document, indent=2) + "\n")
    return [folder / name for name in documents]


def broker_acl(settings: Settings, pipelines: Path | None, station_user: str | None) -> str:
    """Return mosquitto's ACL file for the lines in a folder, or for the live lines.

    Raises DeclarationError for a faulty folder, BrokerError if there is no line or the station's user has another role.
    """
    lines = sorted(LineCameras(each.line, each.named_cameras) for each in _declared(settings, pipelines))
    if not lines:
        raise BrokerError("no line is declared; run `inspector apply` first, or name a folder with --pipelines")
    user = station_user or settings.broker_username or DEFAULT_STATION_USER
    try:
        return mosquitto_acl(Topics(settings.topic_root), lines, settings.reply_roots, user)
    except ValueError as error:
        raise BrokerError(str(error)) from error


def _declared(settings: Settings, pipelines: Path | None) -> list[Pipeline]:
    if pipelines is not None:
        return [each.pipeline for each in read_pipelines(pipelines)]
    return [version.pipeline for version in SqlArchive(settings.database).list_pipelines()]

"""Export parts as CSV or JSON lines, live pipelines as YAML files, and the MQTT contract as documents."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import IO, Any, Final

from inspector.adapters.ledger import SqlArchive
from inspector.config.yaml_reader import to_yaml
from inspector.domain.pipeline import Pipeline
from inspector.errors import BrokerError, LedgerError
from inspector.messages import asyncapi
from inspector.messages.broker_acl import DEFAULT_STATION_USER, LineCameras, mosquitto_acl
from inspector.messages.outgoing import report_message
from inspector.messages.topics import Topics
from inspector.operations.apply import read_pipelines
from inspector.ports.archive import Archive, PartFilter, PartRow
from inspector.ports.evidence import EvidenceStore
from inspector.ports.ledger import PipelineVersion
from inspector.settings import Settings

PARTS_PER_QUERY: Final = 500


def iter_parts(archive: Archive, wanted: PartFilter, limit: int | None) -> Iterator[PartRow]:
    """Iterate over parts, newest first; `limit` None reads all."""
    left = limit
    while left is None or left > 0:
        page = archive.parts(wanted, PARTS_PER_QUERY if left is None else min(PARTS_PER_QUERY, left))
        if not page:
            return
        yield from page
        wanted = wanted._replace(before=page[-1].number)
        left = None if left is None else left - len(page)


def write_jsonl(rows: Iterator[PartRow], out: IO[str]) -> int:
    """Write one report (inspector.report/1) per line. Returns their number."""
    return sum(bool(out.write(report_message(row.part).model_dump_json(by_alias=True) + "\n")) for row in rows)


def write_csv(rows: Iterator[PartRow], out: IO[str]) -> int:
    """Write one part per row: the verdict's fields, and severity and box of the main finding. Returns their number."""
    first = next(rows, None)
    if first is None:
        return 0
    writer = csv.DictWriter(out, list(_flat(first)))
    writer.writeheader()
    return sum(bool(writer.writerow(_flat(row))) for row in chain([first], rows))


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
    path.write_text(as_yaml(pipeline.model_copy(update={"golden_samples": names}), f"version {version.version}"))
    yield path


def _golden_bytes(evidence: EvidenceStore, sha256: str, line: str) -> bytes:
    try:
        return evidence.get(sha256)
    except KeyError as error:
        raise LedgerError(f"golden sample {sha256[:12]}… of {line} is not in the evidence store") from error


def as_yaml(pipeline: Pipeline, note: str) -> str:
    """The pipeline as a file that `inspector apply` accepts; the note becomes a comment on its first line."""
    settings = pipeline.model_dump(mode="json", exclude_defaults=True)
    return f"# {note}\n" + to_yaml(settings)


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


def _flat(row: PartRow) -> dict[str, Any]:
    report = report_message(row.part)
    verdict = report.verdict.model_dump(mode="json", by_alias=True, exclude={"pipeline", "schema_"})
    main = report.findings[0] if report.findings else None
    return verdict | {
        "pipeline_version": report.verdict.pipeline.version,
        "fingerprint": report.verdict.pipeline.fingerprint,
        "severity": main.severity.value if main else None,
        "bbox_norm": json.dumps(main.bbox_norm) if main and main.bbox_norm else None,
        "evidence_sha256": report.evidence_sha256,
    }

"""The qualification of the drawn lines that comes with the embedded model: made by one command, used by the demo.

It holds for the fingerprints that it names: another model, prompt, golden sample or policy is not qualified by it. The
drawn challenge pictures are not packaged; their seeds draw them again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple

from inspector.bootstrap.evidence import open_evidence
from inspector.domain.pipeline import scoring_fingerprint
from inspector.errors import InspectorError
from inspector.lab.synthetic import PRODUCTS, draw, encode
from inspector.lines.challenge import ChallengePicture
from inspector.operations.apply import plan_changes, read_pipelines, store_changes
from inspector.operations.challenge import challenge_sets
from inspector.operations.progress import Notify, ReportProgress
from inspector.operations.qualification import QualificationRequest, qualify
from inspector.operations.virtual_line import FIRST_UNTRAINED_SEED
from inspector.ports.challenge import QualificationBasis, QualificationRecord
from inspector.ports.ledger import PipelineVersion
from inspector.settings import Settings
from inspector.utc import utc_now

FILE: Final = "drawn_lines.json"
PIN: Final = "drawn_lines.sha256"
ASSETS: Final = Path(__file__).parent / "assets"
FIRST_CHALLENGE_SEED: Final = FIRST_UNTRAINED_SEED // 2  # neither trained on nor shown by the demo
NG_PARTS: Final = 120  # of each line: eleven may pass for an escape share of 15 %
OK_PARTS: Final = 30
HARDNESS: Final = 0.5  # as the demo draws defects
JPEG: Final = "image/jpeg"


class ShippedQualification(NamedTuple):
    """What the packaged file says about one drawn line."""

    line: str
    fingerprint: str
    policy: str
    figures: Mapping[str, Any]

    @property
    def reason(self) -> str:
        escape = self.figures["escape"]
        return f"shipped with the embedded model: {escape['found']} of {escape['parts']} NG parts passed"

    def record(self, version: PipelineVersion, author: str) -> QualificationRecord:
        return QualificationRecord(
            line=self.line,
            version=version.version,
            fingerprint=self.fingerprint,
            policy=self.policy,
            basis=QualificationBasis.SHIPPED,
            passed=True,
            figures=self.figures,
            missing=(),
            held=(),
            cameras=tuple(version.pipeline.cameras),
            region=None,
            scoring=scoring_fingerprint(version.pipeline, version.golden, next(iter(version.pipeline.cameras))),
            author=author,
            reason=self.reason,
            at=utc_now(),
        )


def shipped_qualifications() -> dict[str, ShippedQualification]:
    """Return the packaged qualifications by line. Raises InspectorError for a file that is not the pinned one."""
    data, pin = (ASSETS / FILE).read_bytes(), (ASSETS / PIN).read_text().strip()
    if hashlib.sha256(data).hexdigest() != pin:
        raise InspectorError(f"{FILE} is not the file that was packaged; install inspector again")
    return {row["line"]: ShippedQualification(**row) for row in json.loads(data)}


def qualify_drawn_lines(
    settings: Settings, pipelines: Path, notify: Notify, progress: ReportProgress
) -> list[ShippedQualification]:
    """Qualify the drawn lines with the card's model on drawn challenge sets, and write the packaged file and its pin.

    Raises InspectorError, and writes nothing, if a line is refused.
    """
    with TemporaryDirectory() as scratch:
        own = settings.model_copy(update={"data": Path(scratch), "database_url": "", "evidence_url": ""})
        own = own.model_copy(update={"database_url": own.database, "evidence_url": own.evidence})
        declared = tuple(each for each in read_pipelines(pipelines) if each.pipeline.line in PRODUCTS)
        store_changes(plan_changes(declared, own.database, open_evidence(own)), own.database)
        shipped = [_qualify(own, product, notify, progress) for product in PRODUCTS]
    data = (json.dumps([each._asdict() for each in shipped], indent=1, sort_keys=True) + "\n").encode()
    (ASSETS / FILE).write_bytes(data)
    (ASSETS / PIN).write_text(hashlib.sha256(data).hexdigest() + "\n")
    return shipped


def challenge_pictures(product: str, ng: int = NG_PARTS, ok: int = OK_PARTS) -> Iterator[ChallengePicture]:
    """Draw the challenge set of one line; the same pictures each time."""
    for number in range(ng + ok):
        sample = draw(product, FIRST_CHALLENGE_SEED + number, ng=number < ng, hard=HARDNESS)
        yield ChallengePicture(f"{product}-{sample.seed}", encode(sample), sample.ng, "", f"seed {sample.seed}", JPEG)


def _qualify(settings: Settings, product: str, notify: Notify, progress: ReportProgress) -> ShippedQualification:
    with challenge_sets(settings) as sets:
        sets.add(product, challenge_pictures(product), "drawn")

    def report(stage: str, done: int, total: int) -> None:
        progress(f"{product}: {stage}", done, total)

    qualified = qualify(settings, QualificationRequest(product), notify, report)
    [result] = qualified.regions
    if not result.passed:
        raise InspectorError(f"{product} is refused, nothing is written: {'; '.join(result.missing)}")
    pipeline = qualified.version.pipeline
    # latencies are those of one machine: only what the pictures decide belongs into the file
    figures = {name: value for name, value in result.figures.as_json().items() if not name.startswith("latency")}
    del figures["slow"]
    return ShippedQualification(product, result.replay.basis.fingerprint, pipeline.policy_fingerprint(), figures)

"""`inspector teach` on one ledger: what it is taught with, what it stores, and what it refuses."""

from __future__ import annotations

import asyncio
import json
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from rich.console import Console
from support.fakes import NOON, a_part, a_pipeline
from support.reviews import add_reviews, labelled
from support.taught_parts import taught_parts

from inspector.adapters.ledger import (
    DeclaredVersion,
    FileEvidence,
    SqlArchive,
    SqlChallengeStore,
    SqlLedger,
    open_snapshot,
    store_versions,
    upgrade,
)
from inspector.bootstrap.part_features import FeatureReader
from inspector.cli.tables.teaching import teaching_table
from inspector.config.diff import DeclaredPipeline
from inspector.domain.declared import ViewName
from inspector.domain.review import ReviewBox
from inspector.domain.vote import Vote
from inspector.errors import InspectorError
from inspector.operations import taught_figures
from inspector.operations.apply import plan_changes
from inspector.operations.progress import no_progress
from inspector.operations.taught_parts import PartFeatureReader, read_knowledge
from inspector.operations.teach import TaughtStorage, TeachingObjection, teach_line
from inspector.ports.challenge import ChallengeChange, NewChallengePart
from inspector.ports.engine import Picture
from inspector.ports.ledger import PipelineVersion
from inspector.teaching.part_features import PartFeatures, TaughtPart
from inspector.teaching.taught_model import read_taught_model


class DrawnFeatures(FeatureReader):
    """Features of drawn parts by the bytes of their "pictures"."""

    def __init__(self) -> None:
        super().__init__([])
        self.drawn: dict[bytes, PartFeatures] = {}
        self.templates: set[bytes] = set()

    @property
    def backbones(self) -> list[tuple[str, str]]:
        return [("lite0", "a" * 16)]

    def read(self, picture: Picture, template: Picture | None = None) -> PartFeatures:
        self.templates |= {template.data} if template else set()
        return self.drawn[picture.data]


class LineLedger:
    """A ledger with one line, golden samples, and reviewed parts."""

    def __init__(self, folder: Path, golden: int = 8) -> None:
        self.url = f"sqlite:///{folder / 'ledger.db'}"
        self.evidence = FileEvidence(str(folder / "evidence"))
        self.features = DrawnFeatures()
        upgrade(self.url)
        hashes = tuple(self._stored(part, f"golden {part.name}") for part in taught_parts(golden, 0, seed=1))
        self.golden = hashes
        store_versions(self.url, [DeclaredVersion(a_pipeline(), hashes)])

    def _stored(self, part: TaughtPart, name: str) -> str:
        self.features.drawn[name.encode()] = part.features
        return self.evidence.put(name.encode(), "image/png").sha256

    def review(self, ok: int, ng: int, *, strength: float = 6.0, **how: bool) -> None:
        """Record and review parts, OK and NG in turn, one an hour and a lot of its own each.

        They have pictures unless `how` says otherwise; `template` and `voted`: they name a template, their votes are
        right.
        """
        drawn = taught_parts(ok, ng, strength=strength)
        asyncio.run(self._record(sorted(drawn, key=lambda part: int(part.name[4:]) * 7919 % 997), **how))

    async def _record(
        self, drawn: list[TaughtPart], pictures: bool = True, template: bool = False, voted: bool = False
    ) -> None:
        async with SqlLedger(self.url) as store:
            for number, part in enumerate(drawn):
                stored = self.evidence.put(f"picture {part.name}".encode(), "image/png")
                self._stored(part, f"picture {part.name}")
                at = NOON + timedelta(hours=number)
                record = a_part(f"t{number}", received_at=at, lot=f"L{number}", evidence=stored if pictures else None)
                if template:
                    record = replace(record, template="part0", template_sha256=self.golden[0])
                if voted:
                    record = replace(record, votes=(Vote(ViewName.DIRECT, 0, 0.9 if part.is_ng else 0.1),))
                await store.record(record, [])
                drawn_boxes = tuple(ReviewBox(box, "short") for box in part.boxes)
                answer = replace(labelled(record.result_id, part.is_ng, at=at), boxes=drawn_boxes)
                add_reviews(self.url, [answer])

    def teach(self, *, dry_run: bool = False):  # type: ignore[no-untyped-def]
        return teach_line(
            self.url,
            self.evidence,
            "pcb",
            self.features,
            store=TaughtStorage.NOTHING if dry_run else TaughtStorage.VERSION,
        )

    def live(self) -> PipelineVersion:
        with closing(SqlArchive(self.url)) as archive:
            return archive.list_pipelines()[0]


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LineLedger:
    """A ledger whose line is taught without a learning curve: that teaches it twice more."""
    monkeypatch.setattr(taught_figures, "CURVE_SHARES", ())
    return LineLedger(tmp_path)


def test_a_taught_line_gets_a_new_version_whose_model_is_stored(ledger: LineLedger) -> None:
    ledger.review(24, 6)
    tried = ledger.teach(dry_run=True)
    assert tried.version is None
    assert ledger.live().pipeline.second_opinion is None
    result = ledger.teach()
    assert (result.version, result.refused) == (2, None)
    opinion = ledger.live().pipeline.second_opinion
    assert opinion is not None
    assert (opinion.by, opinion.model) == ("taught", result.sha256)
    model = read_taught_model(ledger.evidence.get(result.sha256))
    assert model.backbones == (("lite0", "a" * 16),)
    assert result.as_json()["measured"]["ng"] + result.as_json()["measured"]["ok"] == 6


def test_the_newest_fifth_is_measured_and_not_taught(ledger: LineLedger) -> None:
    ledger.review(24, 6)
    model = ledger.teach(dry_run=True).report.model
    newest = {f"pcb-cam1-t{number}" for number in range(24, 30)}
    assert not newest & set(model.parts)
    assert {"pcb-cam1-t0", "golden sample 1"} <= set(model.parts)


def test_nothing_taught_passes_a_known_ng_part(ledger: LineLedger) -> None:
    ledger.review(24, 6, strength=0.0)
    result = ledger.teach()
    passed = [
        part.name
        for part in taught_parts(24, 6, strength=0.0)
        if part.is_ng and result.report.model.opinion(part.features).p_ng <= 0.0
    ]
    assert not passed
    assert result.price.escapes[1] <= result.price.escapes[0]


def test_reviewed_parts_bring_the_votes_of_the_live_fingerprint(ledger: LineLedger) -> None:
    ledger.review(24, 24, strength=0.2, voted=True)
    result = ledger.teach(dry_run=True)
    assert "votes" in result.report.methods
    assert result.report.model.reads_votes


def test_boxes_and_classes_of_reviews_teach_where_defects_are(ledger: LineLedger) -> None:
    ledger.review(4, 4)
    reader = PartFeatureReader(read_knowledge(ledger.url, "pcb"), ledger.evidence, ledger.features)
    taught = reader.reviewed_parts(no_progress).parts
    drawn = {part.features: part.boxes for part in taught_parts(4, 4)}
    assert sorted(part.boxes for part in taught if part.is_ng) == sorted(boxes for boxes in drawn.values() if boxes)
    assert {(part.is_ng, part.defect, bool(part.boxes)) for part in taught} == {
        (True, "short", True),
        (False, "", False),
    }


def test_golden_samples_that_frames_name_are_templates_and_no_parts(ledger: LineLedger) -> None:
    ledger.review(24, 6, template=True)
    assert not [name for name in ledger.teach(dry_run=True).report.model.parts if "golden" in name]
    assert ledger.features.templates == {b"golden part0"}


def test_golden_samples_alone_suffice_and_the_missing_reviews_are_named(ledger: LineLedger) -> None:
    result = ledger.teach()
    assert result.version == 2
    assert any("NG parts" in each for each in result.report.missing)


def test_parts_without_a_picture_are_counted(ledger: LineLedger) -> None:
    ledger.review(4, 0, pictures=False)
    assert ledger.teach(dry_run=True).without_picture == 4


def test_without_good_parts_there_is_nothing_to_learn(tmp_path: Path) -> None:
    with pytest.raises(InspectorError, match="good parts"):
        LineLedger(tmp_path, golden=0).teach()


def test_a_pipeline_file_keeps_the_taught_model(ledger: LineLedger) -> None:
    taught = ledger.teach()
    declared = DeclaredPipeline("pcb.yaml", a_pipeline(second_opinion={"by": "taught"}))
    (change,) = plan_changes((declared,), ledger.url, ledger.evidence)
    opinion = change.declared.pipeline.second_opinion
    assert opinion is not None
    assert opinion.model == taught.sha256
    assert opinion.doubt_above == ledger.live().pipeline.second_opinion.doubt_above  # type: ignore[union-attr]


def test_a_backup_holds_the_taught_model(ledger: LineLedger) -> None:
    taught = ledger.teach()
    with open_snapshot(ledger.url) as snapshot:
        assert taught.sha256 in snapshot.pictures()


def test_the_table_says_what_is_missing(ledger: LineLedger) -> None:
    console = Console(width=80, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(teaching_table(ledger.teach(dry_run=True).as_json()))
    text = console.export_text()
    assert "no version is stored" in text
    assert "missing: 10 more NG parts" in text


def test_challenge_parts_and_their_groups_are_never_taught(ledger: LineLedger) -> None:
    ledger.review(24, 6)
    with closing(SqlArchive(ledger.url)) as archive:
        picture = archive.reviewed("pcb", 100)[2].part.evidence
    assert picture is not None
    change = ChallengeChange("ann", NOON)
    with closing(SqlChallengeStore(ledger.url)) as store:
        store.add_challenge_parts(
            "pcb", [NewChallengePart(picture.sha256, False), NewChallengePart("f" * 64, True, "L5")], change
        )
    result = ledger.teach(dry_run=True)
    assert result.challenge == 2
    assert not {"pcb-cam1-t2", "pcb-cam1-t5"} & set(result.report.model.parts)


def test_every_known_ng_part_is_doubted_also_those_that_measured(ledger: LineLedger) -> None:
    ledger.review(24, 8, strength=2.5)
    result = ledger.teach()
    assert result.refused is None
    opinion = ledger.live().pipeline.second_opinion
    assert opinion is not None
    known = [part for part in taught_parts(24, 8, strength=2.5) if part.is_ng]
    assert all(result.report.model.opinion(part.features).p_ng > opinion.doubt_above for part in known)


def test_report_holds_the_curve_the_price_and_what_a_draft_declares(
    ledger: LineLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taught_figures, "CURVE_SHARES", (1 / 3, 2 / 3))
    ledger.review(24, 6, voted=True)
    result = ledger.teach(dry_run=True)
    report = json.loads(json.dumps(result.as_json(), default=str))
    assert (report["base"], report["objection"]) == (1, None)
    assert report["second_opinion"]["model"] == result.sha256
    assert [step["ok"] + step["ng"] for step in report["curve"]] == [8, 16, 24]
    assert report["curve"][-1]["measured"] == report["measured"]
    assert sum(report["price"]["moved"].values()) == len(result.moved)
    assert {each["result_id"] for each in report["heat_maps"]} <= {f"pcb-cam1-t{number}" for number in range(30)}
    assert all(
        len(each["heat"]["levels"]) == each["heat"]["rows"] * each["heat"]["columns"] for each in report["heat_maps"]
    )
    assert report["heat_maps"][0]["is_ng"]


def test_model_alone_is_stored_without_a_version(ledger: LineLedger) -> None:
    ledger.review(8, 2)
    result = teach_line(ledger.url, ledger.evidence, "pcb", ledger.features, store=TaughtStorage.MODEL)
    assert result.version is None
    assert ledger.live().version == 1
    read_taught_model(ledger.evidence.get(result.sha256))


def test_refused_model_is_not_stored(ledger: LineLedger) -> None:
    ledger.review(24, 12, strength=0.0)
    result = teach_line(ledger.url, ledger.evidence, "pcb", ledger.features, store=TaughtStorage.MODEL)
    assert result.refused is not None
    assert result.refused.objection in (TeachingObjection.CHANCE, TeachingObjection.NO_LIMIT)
    with pytest.raises(KeyError):
        ledger.evidence.get(result.sha256)

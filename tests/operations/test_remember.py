"""`inspector remember` on one ledger with real pictures: what is remembered, shown, and kept."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from sqlalchemy import create_engine
from support.console_api import sql_api
from support.fakes import a_part, a_pipeline
from support.reviews import add_reviews, labelled

from inspector.adapters.camera import CameraPictureReader
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
from inspector.config.diff import DeclaredPipeline
from inspector.domain.declared import ViewName
from inspector.domain.frame import FrameKey
from inspector.domain.vote import Vote
from inspector.errors import InspectorError
from inspector.judging.similar_parts import RememberedSimilarParts
from inspector.lab.synthetic import draw, encode
from inspector.operations.apply import plan_changes
from inspector.operations.remember import remember_line
from inspector.ports.challenge import ChallengeChange, NewChallengePart
from inspector.ports.ledger import PipelineVersion
from inspector.ports.pool import Job
from inspector.utc import utc_now

SIMILAR = a_pipeline(ladder=[{"views": ["direct"]}, {"views": ["similar"]}])
ASKED = (Vote(ViewName.DIRECT, 0, 0.5), Vote(ViewName.SIMILAR, 1, 0.5))
PICTURES = [encode(draw("washer", seed, size=160)) for seed in range(7)]


class Remembering:
    """A ledger with six reviewed parts, OK and NG in turn."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"sqlite:///{folder / 'ledger.db'}"
        self.evidence = FileEvidence(str(folder / "evidence"))
        upgrade(self.url)
        store_versions(self.url, [DeclaredVersion(SIMILAR, ())])

    async def review(self) -> None:
        async with SqlLedger(self.url) as ledger:
            for number, picture in enumerate(PICTURES[:6]):
                stored = self.evidence.put(picture, "image/png")
                await ledger.record(a_part(f"t{number}", evidence=stored, votes=ASKED, rungs=2), [])
                add_reviews(self.url, [labelled(f"pcb-cam1-t{number}", number % 2 == 1)])

    def live(self) -> PipelineVersion:
        with closing(SqlArchive(self.url)) as archive:
            return archive.list_pipelines()[0]

    def shown_with(self, picture: bytes) -> tuple[str, ...]:
        find = RememberedSimilarParts(self.evidence, CameraPictureReader().grey_pixels)
        job = Job(FrameKey("pcb", "cam1", "new"), picture, self.live().pipeline, (), 1000.0)
        return tuple(find(job.picture, job) or ())

    def sha256(self, number: int) -> str:
        return self.evidence.put(PICTURES[number], "image/png").sha256


@pytest.fixture
async def line(tmp_path: Path) -> Remembering:
    line = Remembering(tmp_path)
    await line.review()
    return line


def test_the_line_remembers_its_reviewed_parts_in_a_new_version(line: Remembering) -> None:
    tried = remember_line(line.url, line.evidence, "pcb", dry_run=True)
    assert (tried.ok, tried.ng, tried.version, line.live().version) == (3, 3, None, 1)
    result = remember_line(line.url, line.evidence, "pcb")
    assert (result.version, line.live().pipeline.similar_parts) == (2, result.sha256)
    assert line.live().pipeline.settings_fingerprint() != SIMILAR.settings_fingerprint()
    assert line.shown_with(PICTURES[0])[0] == line.sha256(0)
    assert line.shown_with(PICTURES[1])[1] == line.sha256(1)
    assert remember_line(line.url, line.evidence, "pcb").version is None


def test_what_a_version_remembers_is_kept_and_backed_up(line: Remembering) -> None:
    result = remember_line(line.url, line.evidence, "pcb")
    with create_engine(line.url).begin() as connection:
        connection.exec_driver_sql("UPDATE evidence SET removal = 'DONE'")
    with open_snapshot(line.url) as snapshot:
        assert {result.sha256, *map(line.sha256, range(6))} <= set(snapshot.pictures())


def test_a_pipeline_file_keeps_the_memory(line: Remembering) -> None:
    result = remember_line(line.url, line.evidence, "pcb")
    (change,) = plan_changes((DeclaredPipeline("pcb.yaml", SIMILAR),), line.url, line.evidence)
    assert change.declared.pipeline.similar_parts == result.sha256


def test_parts_of_the_challenge_set_are_not_remembered(line: Remembering) -> None:
    with closing(SqlChallengeStore(line.url)) as store:
        new = NewChallengePart(line.sha256(0), False, "", "")
        store.add_challenge_parts("pcb", [new], ChallengeChange("ann", utc_now(), "proof"))
    result = remember_line(line.url, line.evidence, "pcb")
    assert (result.ok, result.challenge) == (2, 1)
    assert line.sha256(0) not in line.shown_with(PICTURES[0])


def test_a_line_that_can_show_nothing_is_told_what_to_do(tmp_path: Path) -> None:
    bare = Remembering(tmp_path)
    with pytest.raises(InspectorError, match="review more parts"):
        remember_line(bare.url, bare.evidence, "pcb")
    store_versions(bare.url, [DeclaredVersion(a_pipeline(), (), parent=1)])
    with pytest.raises(InspectorError, match="no rung of pcb asks the view similar"):
        remember_line(bare.url, bare.evidence, "pcb")


async def test_the_parts_details_name_the_parts_that_were_shown(line: Remembering) -> None:
    remember_line(line.url, line.evidence, "pcb")
    async with SqlLedger(line.url) as ledger:
        stored, version = line.evidence.put(PICTURES[6], "image/png"), line.live()
        part = a_part("t6", evidence=stored, votes=ASKED, rungs=2)
        await ledger.record(replace(part, pipeline=replace(part.pipeline, version=version.version)), [])
    transport = httpx.ASGITransport(sql_api(line.url, line.folder))
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        direct, similar = (await client.get("/api/v1/parts/pcb-cam1-t6/questions")).json()["questions"]
        assert (direct["similar"], similar["golden"]) == ([], [])
        ok, ng = similar["similar"]
        shown = line.shown_with(PICTURES[6])
        assert [address.rsplit("/", 1)[1] for address in (ok, ng)] == list(shown)
        assert (await client.get(ng)).content in PICTURES[1:6:2]

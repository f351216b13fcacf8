"""A line with a challenge set, on a real ledger, and engines that judge it."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from support.declarations import a_pipeline
from support.fakes import NOON
from support.seeing_engine import SeeingEngine

from inspector.adapters.camera import CameraPictureReader
from inspector.adapters.ledger import (
    DeclaredVersion,
    FileEvidence,
    SqlArchive,
    SqlCameraChangeStore,
    SqlChallengeStore,
    SqlLineStore,
    SqlQualificationStore,
    SqlUnknownCameras,
    store_versions,
    upgrade,
)
from inspector.bootstrap.overrides import declared_fingerprints
from inspector.domain.pipeline import Pipeline
from inspector.judging.judge import Judge
from inspector.lines.cameras import Cameras
from inspector.lines.challenge import ChallengePicture, ChallengeSets
from inspector.lines.challenge_replay import ChallengeReplay
from inspector.lines.kept_rights import KeptRight
from inspector.lines.qualification import Qualifications, RegionQualification, bases, groups_of
from inspector.lines.states import LineStates
from inspector.lines.versions import ReadableVersion
from inspector.operations.qualification import LoadedModel


def drawn(number: int) -> bytes:
    """One of many small pictures, all different."""
    picture = io.BytesIO()
    Image.new("RGB", (64, 64), (number % 256, number // 256, 128)).save(picture, "PNG")
    return picture.getvalue()


@dataclass
class ChallengedLine:
    """Line pcb with a challenge set. `scores` are what the engine sees in each picture; 0.5 where none is given."""

    url: str
    service: Qualifications
    engine: SeeingEngine
    scores: dict[bytes, float]
    cameras: Cameras

    def declare(self, **settings: object) -> None:
        self.store(ReadableVersion(challenged_pipeline(**settings), ()))

    def store(self, content: ReadableVersion, kept: KeptRight | None = None) -> None:
        with closing(SqlArchive(self.url)) as archive:
            parent = next((each.version for each in archive.list_pipelines()), None)
        store_versions(self.url, [DeclaredVersion(*content, parent=parent, proofs=kept.proofs if kept else ())])

    def add(self, scores: Sequence[float], *, is_ng: bool, group: str = "", camera: str = "") -> None:
        """Add one picture for each score that the engine will give it."""
        pictures = []
        for score in scores:
            data = drawn(len(self.scores))
            self.scores[data] = score
            pictures.append(
                ChallengePicture(f"picture {len(self.scores)}", data, is_ng, group, "", "image/png", camera)
            )
        self.service.sets.add("pcb", pictures, "ann")

    @property
    def fingerprints(self) -> dict[str, str]:
        return declared_fingerprints(self.engine.fingerprint, self.states.version("pcb"))

    @property
    def fingerprint(self) -> str:
        """That of the line's first camera."""
        return next(iter(self.fingerprints.values()))

    @property
    def states(self) -> LineStates:
        return self.service.sets.states

    def replays(self, camera: str | None = None) -> list[ChallengeReplay]:
        """Replay the challenge set for each region, or for that of this camera."""
        version = self.states.version("pcb")
        groups = groups_of(version.pipeline, camera)
        return [self.service.replay(each) for each in bases(version, groups, self.fingerprints)]

    def replay(self) -> ChallengeReplay:
        """Replay the challenge set of a line with one region."""
        [replay] = self.replays()
        return replay

    async def prove(self, camera: str | None = None) -> list[RegionQualification]:
        return await self.service.prove(self.replays(camera), self.model, lambda _done, _total: None)

    async def ask(self) -> ChallengeReplay:
        [result] = await self.prove()
        return result.replay

    @property
    def model(self) -> LoadedModel:
        return LoadedModel(Judge(self.engine, self.service.sets.evidence))


def challenged_pipeline(**settings: object) -> Pipeline:
    ladder = [{"views": ["direct"]}, {"views": ["paraphrase"]}]
    words = ["Does this circuit board show a defect?"]
    return a_pipeline(**({"ladder": ladder, "paraphrases": words, "qualification": {"escape": 0.2}} | settings))


@contextmanager
def challenged_line(folder: Path) -> Iterator[ChallengedLine]:
    url = f"sqlite:///{folder}/ledger.db"
    upgrade(url)
    with ExitStack() as stack:
        archive, store = SqlArchive(url), SqlChallengeStore(url)
        stack.callback(archive.close)
        stack.callback(store.close)
        states, evidence = LineStates(archive, SqlLineStore(url), lambda: NOON), FileEvidence(str(folder / "evidence"))
        sets = ChallengeSets(states, store, evidence, CameraPictureReader(()), lambda: NOON)
        scores: dict[bytes, float] = {}
        engine = SeeingEngine({}, lambda picture, _question: scores.get(picture, 0.5))
        cameras = Cameras(states, archive, SqlUnknownCameras(url, evidence), SqlCameraChangeStore(url))
        line = ChallengedLine(url, Qualifications(sets, SqlQualificationStore(url)), engine, scores, cameras)
        line.declare()
        yield line


def qualify(line: ChallengedLine) -> None:
    """Let the line's model judge its challenge set, record the qualification, and set the line live."""
    for result in asyncio.run(line.prove()):
        line.service.record(result, "ann")
    line.states.go_live("pcb", "ann", "")

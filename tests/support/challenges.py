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
    SqlChallengeStore,
    SqlLineStore,
    SqlQualificationStore,
    store_versions,
    upgrade,
)
from inspector.domain.pipeline import Pipeline, line_fingerprint
from inspector.judging.judge import Judge
from inspector.lines.challenge import ChallengePicture, ChallengeSets
from inspector.lines.qualification import ChallengeReplay, Qualifications
from inspector.lines.states import LineStates
from inspector.operations.qualification import LoadedModel
from inspector.ports.challenge import QualificationBasis


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

    def declare(self, **settings: object) -> None:
        with closing(SqlArchive(self.url)) as archive:
            parent = next((each.version for each in archive.list_pipelines()), None)
        store_versions(self.url, [DeclaredVersion(challenged_pipeline(**settings), (), parent=parent)])

    def add(self, scores: Sequence[float], *, is_ng: bool, group: str = "") -> None:
        """Add one picture for each score that the engine will give it."""
        pictures = []
        for score in scores:
            data = drawn(len(self.scores))
            self.scores[data] = score
            pictures.append(ChallengePicture(f"picture {len(self.scores)}", data, is_ng, group, "", "image/png"))
        self.service.sets.add("pcb", pictures, "ann")

    @property
    def fingerprint(self) -> str:
        version = self.states.version("pcb")
        return line_fingerprint(version.pipeline.settings_fingerprint(), self.engine.fingerprint, version.golden)

    @property
    def states(self) -> LineStates:
        return self.service.sets.states

    def replay(self) -> ChallengeReplay:
        return self.service.replay(self.states.version("pcb"), self.fingerprint)

    async def ask(self) -> ChallengeReplay:
        return await self.service.ask(self.replay(), self.model, lambda _done, _total: None)

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
        line = ChallengedLine(url, Qualifications(sets, SqlQualificationStore(url)), engine, scores)
        line.declare()
        yield line


def qualify(line: ChallengedLine) -> None:
    """Let the line's model judge its challenge set, record the qualification, and set the line live."""
    replay = asyncio.run(line.ask())
    line.service.record(line.service.assess(replay, QualificationBasis.ASKED), "ann")
    line.states.go_live("pcb", "ann", "")

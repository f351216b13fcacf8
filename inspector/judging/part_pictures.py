"""What one part looks like to the engine: frame, detail and golden samples, each encoded at most once."""

from __future__ import annotations

import asyncio
from typing import Final, NamedTuple

from inspector.domain.prompts import LOCATE_REQUEST, LOCATE_TOKENS, Pictures, preamble
from inspector.domain.report import BOX_SCHEMA, WHOLE_FRAME, Box, read_box
from inspector.judging.second_opinion import FrameOpinion, OpinionSource, PatchOpinionSource, golden_picture
from inspector.ports.engine import Engine, GeneratedText, Picture, Prefix
from inspector.ports.evidence import EvidenceStore
from inspector.ports.pool import Job

LOCATE_START: Final = '{"bbox_2d": ['


class RelocatedBox(NamedTuple):
    """A region named in a detail, on the whole frame, and how many tokens naming it took."""

    box: Box
    tokens: int


class PartPictures:
    """The pictures of one part as the engine sees them: every prefix is opened at most once and kept."""

    def __init__(
        self, engine: Engine, evidence: EvidenceStore, job: Job, opinions: OpinionSource | None = None
    ) -> None:
        self._engine = engine
        self._evidence = evidence
        self._job = job
        self._opinions = opinions or PatchOpinionSource(engine, evidence)
        self._noticed: FrameOpinion | None = None
        self._frame = Picture(job.payload)
        self._suspect: Picture | None = None
        self._prefixes: dict[Pictures, Prefix] = {}

    async def prefix(self, pictures: Pictures) -> Prefix:
        if pictures not in self._prefixes:
            shown = await asyncio.to_thread(self._shown, pictures)
            self._prefixes[pictures] = await self._engine.open(shown, preamble(self._job.pipeline, pictures))
        return self._prefixes[pictures]

    async def second_opinion(self, pictures: Pictures = Pictures.FRAME) -> FrameOpinion:
        """The second opinion, from the frame as it is looked at anyway: it is the last of these pictures, unless they
        are a detail."""
        if self._noticed is None:
            prefix = await self.prefix(Pictures.FRAME if pictures is Pictures.ZOOM else pictures)
            self._noticed = await self._opinions.opinion_on(prefix, self._job)
        return self._noticed

    async def zoom_to_suspect(self) -> bool:
        """Zooms at the most suspicious region, as the pipeline says who names it; False where none is named."""
        declared = self._job.pipeline.second_opinion
        box = (await self.second_opinion()).suspect if declared and declared.points else await self.locate_suspect()
        await self.set_zoom(box)
        return box is not None

    async def locate_suspect(self) -> Box | None:
        """The region that the model points at."""
        return read_box((await self._pointed(Pictures.FRAME, urgent=True)).text)

    async def relocate(self, box: Box) -> RelocatedBox | None:
        """Where the model points in the detail around `box`; None where the detail is the whole frame, or it points
        at nothing."""
        await self.set_zoom(box)
        if (window := (await self.prefix(Pictures.ZOOM)).window) == WHOLE_FRAME:
            return None
        named = await self._pointed(Pictures.ZOOM, urgent=False)
        pointed = read_box(named.text)
        return RelocatedBox(pointed.to_frame(window), named.tokens) if pointed else None

    async def _pointed(self, pictures: Pictures, *, urgent: bool) -> GeneratedText:
        prefix = await self.prefix(pictures)
        return await self._engine.write(
            prefix, LOCATE_REQUEST, start=LOCATE_START, max_tokens=LOCATE_TOKENS, schema=BOX_SCHEMA, urgent=urgent
        )

    async def set_zoom(self, box: Box | None) -> None:
        """The zoom view looks there from now on."""
        suspect = Picture(self._job.payload, box) if box else None
        if suspect != self._suspect and Pictures.ZOOM in self._prefixes:
            await self._engine.close(self._prefixes.pop(Pictures.ZOOM))
        self._suspect = suspect

    async def close(self) -> None:
        for prefix in self._prefixes.values():
            await self._engine.close(prefix)
        self._prefixes.clear()

    def _shown(self, pictures: Pictures) -> list[Picture]:
        count = {Pictures.FRAME: self._job.pipeline.references, Pictures.COMPARE: 1}.get(pictures, 0)
        inspected = self._suspect if pictures is Pictures.ZOOM and self._suspect else self._frame
        return [*(golden_picture(self._evidence, sha256) for sha256 in self._job.golden[:count]), inspected]

"""A model writes a checklist from golden samples and answers its own questions about them and about reviewed parts."""

from __future__ import annotations

import hashlib

import pytest
from support.fakes import live_version
from support.line_fakes import GoldenShelf, KeptPrefix, pipeline
from support.seeing_engine import SeeingEngine

from inspector.domain.prompts import ANSWER, Pictures, checklist_request, preamble
from inspector.errors import ModelError, PictureError
from inspector.ports.engine import Picture
from inspector.ports.ledger import PipelineVersion
from inspector.tuning.checklist import CandidateQuestion, candidates
from inspector.tuning.checklist_writer import ChecklistWriter, ReviewedPicture

LINE = pipeline(ladder=[{"views": ["direct"]}, {"views": ["checklist"]}])
GOLDEN = tuple(b"good %d" % number for number in range(6))
PARTS = (b"fine", b"bridged")
SHORT, OPEN = "Is copper bridged between two traces?", "Does a trace break off?"
WRITTEN = {"short": SHORT, "open": OPEN}
ASKED = (CandidateQuestion("short", SHORT), CandidateQuestion("open", OPEN))


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


SHELF = GoldenShelf({sha256(data): data for data in (*GOLDEN, *PARTS)})
VERSION = live_version(LINE, 3, tuple(map(sha256, GOLDEN)))


def sees(picture: bytes, question: str) -> float:
    return 0.9 if picture == b"bridged" and question == SHORT else 0.02


def questioner(engine: SeeingEngine, version: PipelineVersion = VERSION) -> ChecklistWriter:
    return ChecklistWriter(engine, SHELF, version)


async def test_questions_are_written_from_four_golden_samples_pictures_first() -> None:
    engine = SeeingEngine(WRITTEN)
    assert (await questioner(engine).write()).usable == ASKED
    [opened] = engine.opened
    assert [picture.data for picture in opened.pictures] == list(GOLDEN[:4])
    assert opened.preamble.startswith("These 4 pictures show a good board on")
    assert engine.requests == [checklist_request(LINE)]
    assert engine.closed == engine.opened


async def test_every_question_is_asked_of_every_picture_as_the_judge_asks() -> None:
    engine, progress = SeeingEngine(WRITTEN, sees), list[int]()
    heard = await questioner(engine).try_out(
        ASKED, [ReviewedPicture(sha256(b"fine"), False), ReviewedPicture(sha256(b"bridged"), True)], progress.append
    )
    assert heard.golden == ((0.02, 0.02),) * 6
    assert (heard.ok, heard.ng, heard.missing) == (((0.02, 0.02),), ((0.9, 0.02),), 0)
    assert [prefix.pictures[-1].data for prefix in engine.opened] == [*GOLDEN, *PARTS]
    assert {prefix.preamble for prefix in engine.opened} == {preamble(LINE, Pictures.FRAME)}
    assert [question.text for question in engine.asked[:2]] == [SHORT + ANSWER, OPEN + ANSWER]
    assert progress == list(range(1, 9))
    assert engine.closed == engine.opened


async def test_a_golden_sample_is_not_shown_beside_itself() -> None:
    version = VERSION._replace(pipeline=LINE.model_copy(update={"references": 2}))
    engine = SeeingEngine(WRITTEN)
    await questioner(engine, version).try_out(ASKED, [], lambda _: None)
    for prefix in engine.opened:
        *references, frame = (picture.data for picture in prefix.pictures)
        assert len(references) == 2
        assert frame not in references


async def test_reviewed_parts_without_their_picture_are_left_out_and_counted() -> None:
    class Choosy(SeeingEngine):
        async def open(self, pictures: list[Picture], preamble: str) -> KeptPrefix:  # type: ignore[override]
            if pictures[-1].data == b"fine":
                raise PictureError("is no picture")
            return await super().open(pictures, preamble)

    parts = [ReviewedPicture(sha256(data), True) for data in (b"fine", b"gone", b"bridged")]
    heard = await questioner(Choosy(WRITTEN, sees)).try_out(ASKED, parts, lambda _: None)
    assert (len(heard.ng), heard.missing) == (1, 2)


async def test_an_answer_that_never_comes_is_one_that_can_not_be_read() -> None:
    engine = SeeingEngine(WRITTEN, lambda _picture, question: None if question == OPEN else 0.1)
    heard = await questioner(engine).try_out(ASKED, [], lambda _: None)
    assert set(heard.golden) == {(0.1, None)}


async def test_a_golden_sample_that_is_not_there_stops_it_with_the_remedy() -> None:
    version = VERSION._replace(golden=(sha256(b"lost"),))
    with pytest.raises(ModelError, match="is not in the evidence store; apply the line again"):
        await questioner(SeeingEngine(WRITTEN), version).write()


async def test_what_failed_leaves_nothing_open() -> None:
    class Silent(SeeingEngine):
        async def write(self, *_: object, **__: object) -> object:  # type: ignore[override]
            raise ModelError("the server went away")

    engine = Silent(WRITTEN)
    with pytest.raises(ModelError, match="went away"):
        await questioner(engine).write()
    assert engine.closed == engine.opened != []


async def test_a_model_that_writes_nothing_leaves_the_plain_questions() -> None:
    reading = await questioner(SeeingEngine({})).write()
    assert [each.defect for each in reading.refused] == ["short", "open"]
    assert not any(each.written for each in candidates(reading, LINE))

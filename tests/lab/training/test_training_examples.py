"""The questions and target answers of training pictures."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.domain import prompts as view
from inspector.domain.declared import ViewName
from inspector.domain.report import BOX_GRID, Box, read_words
from inspector.lab.synthetic import PRODUCTS, draw
from inspector.lab.training.scores import box_iou
from inspector.lab.training.training_examples import (
    COORDINATE_STEP,
    ExampleKind,
    PictureTruth,
    all_examples,
    location_phrase,
    on_grid,
)
from inspector.lab.training.wordings import random_pipeline


@pytest.mark.parametrize("product", sorted(PRODUCTS))
@pytest.mark.parametrize("first", [ViewName.DIRECT, ViewName.COMPARE, ViewName.ZOOM])
def test_a_flaw_is_answered_yes_and_reported_as_the_service_reads_reports(product: str, first: ViewName) -> None:
    rng = np.random.default_rng(5)
    pipeline = random_pipeline(rng, product)
    flaw = draw(product, 4, flaws=1).flaws[0]
    examples = all_examples(rng, pipeline, PictureTruth((flaw,)), first)
    assert examples[0].p_yes == 1.0
    (report,) = (one for one in examples if one.question == view.report_request(pipeline))
    words = read_words(report.prefill + report.answer, pipeline)
    assert words.main is not None
    assert words.main.defect == flaw.defect
    assert words.main.severity == PRODUCTS[product].defects[flaw.defect]
    assert words.main.bbox_norm is not None
    assert box_iou(words.main.bbox_norm, flaw.box_norm) > 0.3


def test_a_good_part_is_answered_no_and_nothing_is_reported() -> None:
    rng = np.random.default_rng(6)
    pipeline = random_pipeline(rng, "cap")
    examples = all_examples(rng, pipeline, PictureTruth(()), ViewName.DIRECT)
    assert examples[0].p_yes == 0.0
    assert all(example.kind is not ExampleKind.TEXT for example in examples)
    (draft,) = (example for example in examples if example.kind is ExampleKind.DRAFT)
    assert draft.answer.rpartition(f"{view.VERDICT_CUE} ")[2] in {"Yes", "No", "A", "B"}


def test_an_out_of_scope_picture_is_never_a_sure_ok() -> None:
    rng = np.random.default_rng(7)
    pipeline = random_pipeline(rng, "cap")
    examples = all_examples(rng, pipeline, PictureTruth((), in_scope=False), ViewName.DIRECT)
    assert all(example.kind is ExampleKind.VERDICT and 0.3 < example.p_yes < 0.7 for example in examples)


@given(st.tuples(*[st.floats(0.0, 0.99)] * 2), st.tuples(*[st.floats(0.001, 1.0)] * 2))
def test_a_box_is_rounded_to_the_nearest_step(corner: tuple[float, float], size: tuple[float, float]) -> None:
    box = Box(*corner, min(corner[0] + size[0], 1.0), min(corner[1] + size[1], 1.0))
    x0, y0, x1, y1 = on_grid(box)
    assert all(value % COORDINATE_STEP == 0 and 0 <= value <= BOX_GRID for value in (x0, y0, x1, y1))
    assert x0 < x1
    assert y0 < y1
    # a box thinner than a step, or at the far edge, is widened to one step
    off = COORDINATE_STEP / 2 if x1 - x0 > COORDINATE_STEP and y1 - y0 > COORDINATE_STEP else 1.5 * COORDINATE_STEP
    assert max(abs(x0 - box.x0 * BOX_GRID), abs(y1 - box.y1 * BOX_GRID)) <= off + 1e-6


def test_locations_are_described_in_words() -> None:
    assert location_phrase(Box(0.0, 0.0, 0.1, 0.1)) == "at the upper left"
    assert location_phrase(Box(0.45, 0.8, 0.55, 0.9)) == "at the lower side"
    assert location_phrase(Box(0.4, 0.4, 0.6, 0.6)) == "in the middle"

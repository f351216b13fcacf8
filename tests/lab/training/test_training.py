"""Making the embedded checkpoint: what it is taught, in which tokens, and that it can be taken up again."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer, Qwen3VLForConditionalGeneration
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from inspector.domain import prompts as view
from inspector.domain.declared import ViewName
from inspector.domain.report import BOX_GRID, Box, read_words
from inspector.lab.synthetic import PRODUCTS, draw
from inspector.lab.training import precision
from inspector.lab.training.architecture import (
    GRID_SIDE,
    MERGE_SIZE,
    PATCH_PX,
    TOWER_SIDE_PX,
    VISUAL_TOKENS,
    make_model,
    save_checkpoint,
)
from inspector.lab.training.checkpoint_evaluator import HELD_OUT_WORDINGS
from inspector.lab.training.coordinate_code import COORDINATE_COUNT, BoxHead, coordinate_code
from inspector.lab.training.datasets import (
    CROP_SIDE_PX,
    Conversation,
    ConversationDataset,
    PatchDataset,
    stack_pictures,
)
from inspector.lab.training.example_encoder import ExampleEncoder, RowBatch
from inspector.lab.training.language_stage import (
    MAX_LOG_ODDS,
    TEACHER_SHARE,
    TeacherTargets,
    answer_logits,
    language_step,
    log_odds_loss,
    teacher_targets,
    unfreeze_language_model,
)
from inspector.lab.training.scores import box_iou
from inspector.lab.training.teacher import Teacher, extract_features, fit_logistic_regression, is_single_product
from inspector.lab.training.train import train
from inspector.lab.training.training_examples import (
    COORDINATE_STEP,
    ExampleKind,
    PictureTruth,
    TrainingExample,
    all_examples,
    location_phrase,
    on_grid,
)
from inspector.lab.training.training_pictures import CELL_PX, Window, crop_window, detail_window, training_picture
from inspector.lab.training.vision_stage import VisionHeads
from inspector.lab.training.vision_tower import block_order, patchify, run_tower
from inspector.lab.training.vocabulary import TURN_END, coordinate_words, make_tokenizer
from inspector.lab.training.wordings import NG_QUESTIONS, OK_QUESTIONS, random_pipeline

CLOSE = 2e-5  # single precision, summed in another order


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return make_tokenizer(seed=1)


@pytest.fixture(scope="module")
def folder(tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with random weights."""
    made = tmp_path_factory.mktemp("checkpoint")
    save_checkpoint(make_model(tokenizer, seed=1), tokenizer, made)
    return made


@pytest.fixture(scope="module")
def model(folder: Path) -> Any:
    return Qwen3VLForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()


@pytest.fixture(scope="module")
def conversations() -> list[Conversation]:
    """A whole frame, a detail, and a comparison of two."""
    made = ConversationDataset(seed=3, first=0, last=1)[0]
    return [made[0], made[7], made[10]]


# ---------------------------------------------------------------- what it is taught


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


def test_a_picture_of_something_else_is_never_a_sure_ok() -> None:
    rng = np.random.default_rng(7)
    pipeline = random_pipeline(rng, "cap")
    examples = all_examples(rng, pipeline, PictureTruth((), in_scope=False), ViewName.DIRECT)
    assert all(example.kind is ExampleKind.VERDICT and 0.3 < example.p_yes < 0.7 for example in examples)


@given(st.tuples(*[st.floats(0.0, 0.99)] * 2), st.tuples(*[st.floats(0.001, 1.0)] * 2))
def test_a_spoken_box_is_the_true_one_to_the_nearest_step(
    corner: tuple[float, float], size: tuple[float, float]
) -> None:
    box = Box(*corner, min(corner[0] + size[0], 1.0), min(corner[1] + size[1], 1.0))
    x0, y0, x1, y1 = on_grid(box)
    assert all(value % COORDINATE_STEP == 0 and 0 <= value <= BOX_GRID for value in (x0, y0, x1, y1))
    assert x0 < x1
    assert y0 < y1
    # a box thinner than a step, or at the far edge, is widened to one step
    off = COORDINATE_STEP / 2 if x1 - x0 > COORDINATE_STEP and y1 - y0 > COORDINATE_STEP else 1.5 * COORDINATE_STEP
    assert max(abs(x0 - box.x0 * BOX_GRID), abs(y1 - box.y1 * BOX_GRID)) <= off + 1e-6


def test_places_are_named_as_people_name_them() -> None:
    assert location_phrase(Box(0.0, 0.0, 0.1, 0.1)) == "at the upper left"
    assert location_phrase(Box(0.45, 0.8, 0.55, 0.9)) == "at the lower side"
    assert location_phrase(Box(0.4, 0.4, 0.6, 0.6)) == "in the middle"


def test_held_out_wordings_are_not_taught() -> None:
    unfreeze_language_model = {text.lower() for text in (*NG_QUESTIONS, *OK_QUESTIONS, *view.PARAPHRASES)}
    assert not unfreeze_language_model & {text.lower() for text in HELD_OUT_WORDINGS}


def test_the_same_seed_and_step_give_the_same_batch() -> None:
    first, again = PatchDataset(3, 0, 9)[4], PatchDataset(3, 4, 9)[0]
    assert np.array_equal(first.pictures, again.pictures)
    assert np.array_equal(first.labels, again.labels)


def test_words_for_near_coordinates_start_more_alike_than_for_far_ones(tokenizer: Any) -> None:
    words = make_model(tokenizer, seed=1).get_input_embeddings().weight.detach()
    places = torch.stack([words[tokenizer.convert_tokens_to_ids(text)] for text in coordinate_words()])
    alike = torch.nn.functional.cosine_similarity(places[100:101], places)
    assert int(alike.argmax()) == 100
    assert alike[99] > alike[97] > alike[60]
    assert places.norm(dim=1).mean() == pytest.approx(float(words.norm(dim=1).mean()), rel=0.1)


def test_a_box_head_learns_to_read_boxes_from_a_feature_that_holds_them() -> None:
    torch.manual_seed(0)
    boxes = torch.rand(64, 4)
    features = torch.cat([coordinate_code()[(corner * (COORDINATE_COUNT - 1)).round().long()] for corner in boxes.T], 1)
    head = BoxHead(features.shape[1])
    learner = torch.optim.AdamW(head.parameters(), lr=3e-3)
    for _ in range(60):
        learner.zero_grad()
        head.loss(features, boxes).backward()  # type: ignore[no-untyped-call]
        learner.step()
    read = head(features).argmax(-1) / (COORDINATE_COUNT - 1)
    assert (read - boxes).abs().median() <= 1.0 / (COORDINATE_COUNT - 1)


def test_an_outline_lies_where_the_flaw_is() -> None:
    sample = draw("washer", 11, flaws=1, hard=0.0)
    picture = training_picture(np.random.default_rng(0), sample, sample.pixels, Window(0.0, 0.0, len(sample.pixels)))
    side = TOWER_SIDE_PX // CELL_PX
    rows = picture.outline.reshape(GRID_SIDE, GRID_SIDE, PATCH_PX // CELL_PX, PATCH_PX // CELL_PX).transpose(0, 2, 1, 3)
    drawn = cv2.resize((sample.mask > 0).astype(np.float32), (side, side), interpolation=cv2.INTER_AREA)
    covered = rows.reshape(side, side)
    assert covered[drawn > 0.6].all()
    assert not covered[drawn == 0.0].any()


def test_a_detail_keeps_its_flaw_with_its_box_on_the_detail() -> None:
    sample = draw("washer", 11, flaws=1, hard=0.0)
    x0, y0, x1, y1 = sample.flaws[0].box_px
    side = max(x1 - x0, y1 - y0) * 2
    picture = training_picture(
        np.random.default_rng(0), sample, sample.pixels, Window(x0 - side / 4, y0 - side / 4, side)
    )
    (flaw,) = picture.flaws
    assert flaw.box_norm.x0 == pytest.approx(0.25, abs=0.05)
    assert (picture.labels > 0).any()


def test_a_detail_without_the_flaw_is_good() -> None:
    sample = draw("board", 12, flaws=1)
    x0, y0, _, _ = sample.flaws[0].box_px
    window = Window(340.0 if x0 < 300 else 0.0, 340.0 if y0 < 300 else 0.0, 200.0)
    picture = training_picture(np.random.default_rng(0), sample, sample.pixels, window)
    assert picture.flaws == ()
    assert not (picture.labels > 0).any()


def test_details_lie_inside_the_frame() -> None:
    rng = np.random.default_rng(1)
    for seed in range(20):
        window = detail_window(rng, draw("cap", seed, size=320))
        assert window.x >= 0
        assert window.x + window.side <= 320.5


def test_a_part_of_a_window_shows_it_at_the_same_scale() -> None:
    rng, sample = np.random.default_rng(2), draw("washer", 11, flaws=1, hard=0.0)
    window = Window(20.0, 30.0, 500.0)
    parts = [crop_window(rng, sample, window, CROP_SIDE_PX) for _ in range(40)]
    for each in parts:
        assert each.side / CROP_SIDE_PX == pytest.approx(window.side / TOWER_SIDE_PX)
        assert min(each.x - window.x, each.y - window.y) >= 0.0
        assert max(each.x - window.x, each.y - window.y) + each.side <= window.side + 1e-6
    pictures = [training_picture(rng, sample, sample.pixels, each, CROP_SIDE_PX) for each in parts]
    assert {picture.labels.shape for picture in pictures} == {(CROP_SIDE_PX // PATCH_PX,) * 2}
    assert 20 <= sum(bool(picture.flaws) for picture in pictures) < len(pictures)


def test_training_sees_parts_first_and_whole_pictures_later() -> None:
    first, later = (PatchDataset(3, step, step + 1, crop_steps=5)[0] for step in (4, 5))
    assert first.pictures.shape[1:3] == (CROP_SIDE_PX, CROP_SIDE_PX)
    assert later.pictures.shape[1:3] == (TOWER_SIDE_PX, TOWER_SIDE_PX)
    assert np.array_equal(later.pictures, PatchDataset(3, 5, 6)[0].pictures)


# ---------------------------------------------------------------- in which tokens


@pytest.mark.parametrize(
    "text", [*view.YES, *view.NO, *coordinate_words(), *(f" {word}" for word in view.YES + view.NO)]
)
def test_verdicts_and_coordinates_are_single_tokens(tokenizer: Any, text: str) -> None:
    assert len(tokenizer.encode(text)) == 1


@settings(deadline=None)
@given(text=st.text(max_size=40))
def test_any_text_survives_the_tokenizer(tokenizer: Any, text: str) -> None:
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_preamble_and_question_can_be_tokenised_apart(tokenizer: Any) -> None:
    rng = np.random.default_rng(8)
    for product in PRODUCTS:
        pipeline = random_pipeline(rng, product)
        preamble = view.preamble(pipeline, view.Pictures.FRAME)
        together = tokenizer.encode(preamble + pipeline.question)
        assert together == tokenizer.encode(preamble) + tokenizer.encode(pipeline.question)


def test_the_saved_tokenizer_is_the_one_that_was_made(tokenizer: Any, folder: Path) -> None:
    loaded = AutoTokenizer.from_pretrained(folder)
    text = '{"defect": "missing_hole", "severity": "major", "bbox_2d": [120, 340, 180, 1000]}'
    assert loaded.encode(text) == tokenizer.encode(text)
    assert loaded.chat_template == tokenizer.chat_template
    assert loaded.eos_token == TURN_END


# ---------------------------------------------------------------- the short cuts change nothing


@pytest.mark.parametrize("side", [TOWER_SIDE_PX, CROP_SIDE_PX])
def test_the_tower_sees_what_the_models_own_forward_sees(
    model: Any, folder: Path, conversations: list[Conversation], side: int
) -> None:
    pictures = stack_pictures(
        [picture for conversation in conversations for picture in conversation.pictures]
    ).pictures[:, :side, :side]
    processor = Qwen2VLImageProcessorPil.from_pretrained(folder)
    exactly = {"shortest_edge": side * side, "longest_edge": side * side}
    processed = processor(images=list(pictures), size=exactly, return_tensors="pt")
    with torch.no_grad():
        own = model.model.visual(processed["pixel_values"], grid_thw=processed["image_grid_thw"], return_dict=True)
        ours = run_tower(model.model.visual, patchify(pictures))
    assert (own.last_hidden_state - ours.patches.flatten(0, 1)).abs().max() < CLOSE
    assert (own.pooler_output - ours.tokens.flatten(0, 1)).abs().max() < CLOSE
    assert (own.deepstack_features[0] - ours.deepstack[0].flatten(0, 1)).abs().max() < CLOSE


def test_packed_questions_get_the_answers_they_get_alone(
    model: Any, tokenizer: Any, folder: Path, conversations: list[Conversation]
) -> None:
    encoder = ExampleEncoder(tokenizer)
    rows = _encoded_rows(encoder, conversations)
    pictures = stack_pictures([picture for conversation in conversations for picture in conversation.pictures]).pictures
    with torch.no_grad():
        packed = answer_logits(model, rows, run_tower(model.model.visual, patchify(pictures)))
        alone = torch.cat(
            [
                _plainly(model, tokenizer, folder, conversation, one)
                for conversation in conversations
                for one in conversation.examples
            ]
        )
    assert (packed - alone).abs().max() < CLOSE


def _encoded_rows(encoder: ExampleEncoder, conversations: list[Conversation]) -> RowBatch:
    rows = [encoder.row(len(each.pictures), each.preamble, each.examples) for each in conversations]
    return encoder.collate(rows)


def _plainly(
    model: Any, tokenizer: Any, folder: Path, conversation: Conversation, example: TrainingExample
) -> torch.Tensor:
    """Logits at the answer's places, by transformers alone."""
    content = [{"type": "image"}] * len(conversation.pictures) + [
        {"type": "text", "text": conversation.preamble + example.question}
    ]
    text = tokenizer.apply_chat_template(
        [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
    )
    answer_ids = tokenizer.encode(example.answer) if example.kind is not ExampleKind.VERDICT else []
    image = model.config.image_token_id
    prompt = [[token] * (VISUAL_TOKENS if token == image else 1) for token in tokenizer.encode(text)]
    ids = torch.tensor(
        [[token for group in prompt for token in group] + tokenizer.encode(example.prefill) + answer_ids]
    )
    processor = Qwen2VLImageProcessorPil.from_pretrained(folder)
    pictures = processor(images=[picture.pixels for picture in conversation.pictures], return_tensors="pt")
    out = model(input_ids=ids, mm_token_type_ids=(ids == image).int(), **pictures)
    logits: torch.Tensor = out.logits[0, -(len(answer_ids) + 1) :]
    return logits


@pytest.mark.parametrize("pixels", [TOWER_SIDE_PX, CROP_SIDE_PX])
def test_patch_labels_are_in_the_order_of_patches(pixels: int) -> None:
    side = pixels // PATCH_PX
    grid = np.arange(side * side).reshape(1, side, side)
    pictures = np.repeat(np.repeat(grid % 251, 16, 1), 16, 2)[..., None].repeat(3, -1).astype(np.uint8)
    values = ((patchify(pictures)[0, :, 0] * 0.5 + 0.5) * 255).round().long()
    assert torch.equal(values, block_order(grid)[0] % 251)
    assert block_order(grid)[0, : MERGE_SIZE**2].tolist() == [0, 1, side, side + 1]


# ---------------------------------------------------------------- training and measuring


def test_an_interrupted_training_goes_on_where_it_was(tmp_path: Path) -> None:
    reports: list[tuple[str, int]] = []

    def stop_in_second_stage(stage: str, done: int, _: int, __: dict[str, float]) -> None:
        reports.append((stage, done))
        if stage == "language" and reports.count(("language", 1)) == 1:
            raise KeyboardInterrupt

    for _ in range(2):
        try:
            train(
                tmp_path / "demo",
                tmp_path / "state.pt",
                vision_steps=1,
                language_steps=1,
                progress=stop_in_second_stage,
            )
        except KeyboardInterrupt:
            assert not (tmp_path / "demo").exists()
    assert reports == [("vision", 1), ("language", 1), ("language", 1)]
    assert (tmp_path / "demo" / "training.png").exists()
    Qwen3VLForConditionalGeneration.from_pretrained(tmp_path / "demo")


@pytest.mark.parametrize("slow", [torch.bfloat16, torch.float32])
def test_products_are_in_the_numbers_that_the_processor_multiplies_faster(
    slow: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    cpu = torch.device("cpu")
    measured = precision._matmul

    def hindered(dtype: torch.dtype) -> Callable[[], torch.Tensor]:
        def product() -> torch.Tensor:
            time.sleep(0.2 if dtype is slow else 0.0)
            return measured(dtype)()

        return product

    monkeypatch.setattr(precision, "_matmul", hindered)
    precision.bfloat16_is_faster.cache_clear()
    with precision.matmul_autocast(cpu):
        multiplied = torch.nn.functional.linear(torch.ones(1, 1), torch.ones(1, 1)).dtype
    precision.bfloat16_is_faster.cache_clear()
    assert {multiplied, slow} == {torch.bfloat16, torch.float32}


def test_the_second_stage_leaves_the_tower_alone(tokenizer: Any, conversations: list[Conversation]) -> None:
    fresh: Any = make_model(tokenizer, seed=4)
    parts = unfreeze_language_model(fresh)
    teacher = Teacher(VisionHeads(), 3, fresh.model.visual, batches=1)
    language_step(fresh, ExampleEncoder(tokenizer), teacher, conversations)
    assert all(weight.grad is not None for part in parts for weight in part.parameters())
    assert all(weight.grad is None for weight in fresh.model.visual.parameters())


def test_a_wanted_verdict_lies_between_truth_and_teacher_in_any_wording(model: Any, tokenizer: Any) -> None:
    conversations, encoder = (
        [conversation for conversation in ConversationDataset(seed=4, first=0, last=1)[0] if conversation.asks_verdict],
        ExampleEncoder(tokenizer),
    )
    rows = _encoded_rows(encoder, conversations)
    teacher = Teacher(VisionHeads(), 4, model.model.visual, batches=1)
    with torch.no_grad():
        features = extract_features(model.model.visual, conversations)
        targets = teacher_targets(teacher, rows, conversations, features)
        alone = [
            teacher.log_odds([conversation], extract_features(model.model.visual, [conversation])).sigmoid().item()
            for conversation in conversations
        ]
        missed = log_odds_loss(answer_logits(model, rows, features), rows, targets)
    shares = rows.target_shares + targets.share_shift
    assert torch.allclose(shares.sum(1), torch.ones(len(shares)))
    for row, ng_sign, truth, wanted, gap in zip(
        rows.target_row, rows.target_ng_sign, rows.target_shares, shares, missed, strict=True
    ):
        if ng_sign == 0 or not is_single_product(conversations[row]):
            assert torch.equal(wanted, truth)
            assert gap == 0
            continue
        taught_share = alone[row] if ng_sign == 1 else 1.0 - alone[row]
        between = (1.0 - TEACHER_SHARE) * float(truth[0]) + TEACHER_SHARE * taught_share
        assert float(wanted[0]) == pytest.approx(between, abs=1e-4)
        assert gap > 0
    assert set(rows.target_ng_sign.tolist()) == {-1, 0, 1}
    assert not all(is_single_product(conversation) for conversation in conversations)


def test_a_verdict_with_the_teachers_odds_misses_nothing(tokenizer: Any, conversations: list[Conversation]) -> None:
    encoder = ExampleEncoder(tokenizer)
    rows = _encoded_rows(encoder, conversations)
    odds = rows.target_ng_sign * torch.linspace(-MAX_LOG_ODDS, MAX_LOG_ODDS, len(rows.target_ng_sign))
    targets = TeacherTargets(rows.target_ng_sign, odds, torch.zeros_like(rows.target_shares))
    logits = torch.zeros(len(odds), len(tokenizer))
    apart = log_odds_loss(logits, rows, targets)
    logits.scatter_(1, rows.target_ids[:, :1], odds[:, None])
    assert log_odds_loss(logits, rows, targets).sum() == 0
    assert (apart > 0).sum() == (odds != 0).sum() > 0


def test_a_teacher_knows_how_much_odds_mean_on_each_kind_of_picture() -> None:
    rng = np.random.default_rng(5)
    odds, kind = rng.normal(0.0, 2.0, 4000), rng.integers(0, 2, 4000)
    ng = rng.random(4000) < 1.0 / (1.0 + np.exp(-(1.5 * odds + np.where(kind == 0, -2.0, 1.0))))
    inputs = torch.tensor(np.stack([odds, kind == 0, kind == 1], 1), dtype=torch.float32)
    predicted = (inputs @ fit_logistic_regression(inputs, torch.tensor(ng))).sigmoid().numpy()
    for which in (0, 1):
        assert abs(inputs[:, 0].sigmoid().numpy()[kind == which].mean() - ng[kind == which].mean()) > 0.08
        assert predicted[kind == which].mean() == pytest.approx(ng[kind == which].mean(), abs=0.04)


def test_overlap_of_boxes() -> None:
    assert box_iou(Box(0, 0, 1, 1), Box(0, 0, 1, 1)) == 1.0
    assert box_iou(Box(0, 0, 0.5, 1), Box(0.25, 0, 0.75, 1)) == pytest.approx(1 / 3)
    assert box_iou(Box(0, 0, 0.1, 0.1), Box(0.5, 0.5, 1, 1)) == 0.0

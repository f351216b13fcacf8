"""Loading a checkpoint as a card asks, and what the author of a card reads when it can't be."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from support import tiny_model
from support.tiny_model import ONE_QUESTION, PREAMBLE, card, lamp

from inspector.adapters.vlm import load
from inspector.adapters.vlm.fingerprint import MAX_WHOLE_BYTES, fingerprint
from inspector.adapters.vlm.stub import StubEngine
from inspector.adapters.vlm.transformers.engine import TransformersEngine
from inspector.errors import ModelError

Spoil = Callable[[Path], object]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the checkpoint, to be spoiled."""
    return Path(shutil.copytree(tiny_model.folder() / "tiny", tmp_path / "tiny"))


def test_the_cards_engine_is_loaded() -> None:
    assert isinstance(load(card(engine="stub"), Path()), StubEngine)
    assert isinstance(load(card(), tiny_model.folder()), TransformersEngine)


def test_the_checkpoint_may_be_named_by_its_whole_path(tmp_path: Path) -> None:
    whole = str(tiny_model.folder() / "tiny")
    assert isinstance(load(card(checkpoint=whole), tmp_path), TransformersEngine)


async def test_a_bfloat16_model_answers_nearly_the_same() -> None:
    p_ng = []
    for dtype in ("float32", "bfloat16"):
        engine = load(card(dtype=dtype), tiny_model.folder())
        prefix = await engine.open([lamp(0.6)], PREAMBLE)
        p_ng += [answer.p_ng async for answer in engine.ask(prefix, [ONE_QUESTION])]
    assert p_ng[1] == pytest.approx(p_ng[0], abs=0.05)


def without_a_tensor(path: Path) -> None:
    weights = load_file(path / "model.safetensors")
    del weights["model.language_model.norm.weight"]
    save_file(weights, path / "model.safetensors", {"format": "pt"})


def of_another_shape(path: Path) -> None:
    config = json.loads((path / "config.json").read_text())
    config["text_config"]["hidden_size"] = 32
    (path / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda path: shutil.rmtree(path), "there is no folder .*; correct `checkpoint`"),
        (lambda path: (path / "config.json").unlink(), r"config\.json can't be read.*complete checkpoint"),
        (lambda path: (path / "config.json").write_text("{"), r"config\.json can't be read"),
        (lambda path: (path / "config.json").write_text('{"model_type": "llava"}'), "model_type is 'llava'.*Qwen3-VL"),
        (lambda path: (path / "config.json").write_text("[]"), "model_type is None"),
        (lambda path: (path / "model.safetensors").unlink(), "fetch the checkpoint again"),
        (lambda path: (path / "model.safetensors").write_bytes(b"cut"), "fetch the checkpoint again"),
        (without_a_tensor, r"weights are missing: model\.language_model\.norm\.weight"),
        (of_another_shape, "can't be loaded"),
        (lambda path: (path / "tokenizer.json").unlink(), "can't be loaded"),
        (lambda path: (path / "tokenizer.json").write_text("{}"), "can't be loaded"),
        (lambda path: (path / "chat_template.jinja").unlink(), r"no chat template; add chat_template\.jinja"),
        (lambda path: (path / "preprocessor_config.json").unlink(), "can't be loaded"),
    ],
)
def test_a_broken_checkpoint_is_refused_with_its_remedy(copy: Path, spoil: Spoil, said: str) -> None:
    spoil(copy)
    with pytest.raises(ModelError, match=said):
        load(card(), copy.parent)


def test_half_precision_without_a_gpu_is_refused() -> None:
    with pytest.raises(ModelError, match="float16 needs a GPU; write float32 or bfloat16"):
        load(card(dtype="float16"), tiny_model.folder())


def test_more_than_one_gpu_for_one_replica_is_refused() -> None:
    with pytest.raises(ModelError, match="set num_gpus: 1"):
        load(card(num_gpus=2), tiny_model.folder())


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_named() -> None:
    with pytest.raises(ModelError, match="num_gpus is 1 but no CUDA device is visible"):
        load(card(num_gpus=1), tiny_model.folder())


def in_hub_cache(home: Path) -> str:
    """The tiny checkpoint as a hub download leaves it, under the id acme/tiny at one revision."""
    revision = "0123456789abcdef0123456789abcdef01234567"
    shutil.copytree(tiny_model.folder() / "tiny", home / "hub" / "models--acme--tiny" / "snapshots" / revision)
    return revision


OFFLINE = """
import sys
from pathlib import Path
from inspector.errors import ModelError
from inspector.domain.model_card import ModelCard, Pixels
from inspector.adapters.vlm.transformers.checkpoint import find_checkpoint
def fetch(revision):
    pixels = Pixels(min=1024, max=1024)
    return find_checkpoint(ModelCard(name="tiny", checkpoint="acme/tiny", revision=revision, pixels=pixels), Path())
print(fetch(sys.argv[1]))
try:
    fetch("main")
except ModelError as error:
    print(error)
"""


def test_a_hub_id_is_found_in_the_cache_at_its_revision_only(tmp_path: Path) -> None:
    revision = in_hub_cache(tmp_path)
    settings = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    settings.pop("HF_HUB_CACHE", None)
    told = subprocess.run(
        [sys.executable, "-c", OFFLINE, revision], env=settings, capture_output=True, text=True, check=True, timeout=120
    ).stdout
    assert told.splitlines()[0].endswith(f"snapshots/{revision}")
    assert "acme/tiny (revision main) is no folder next to the card and can't be fetched" in told
    assert "fetch it once while online" in told


def test_a_copy_has_the_same_fingerprint(copy: Path) -> None:
    assert load(card(), copy.parent).fingerprint == load(card(), tiny_model.folder()).fingerprint


@pytest.mark.parametrize(
    "name",
    ["model.safetensors", "config.json", "tokenizer.json", "chat_template.jinja", "preprocessor_config.json"],
)
def test_every_file_that_changes_scores_changes_the_fingerprint(copy: Path, name: str) -> None:
    before = fingerprint(card(), copy)
    with (copy / name).open("ab") as file:
        file.write(b"\n")
    assert fingerprint(card(), copy) != before


def test_settings_that_change_scores_change_the_fingerprint(copy: Path) -> None:
    budget = {"min": 1024, "max": 8192}
    cards = [card(), card(dtype="bfloat16"), card(pixels=budget), card(zoom_pixels=budget)]
    assert len({fingerprint(each, copy) for each in cards}) == len(cards)


def test_settings_that_change_no_score_keep_the_fingerprint(copy: Path) -> None:
    assert fingerprint(card(name="other", replicas=3, num_cpus=2), copy) == fingerprint(card(), copy)


def test_a_large_file_is_sampled_from_end_to_end(tmp_path: Path) -> None:
    weights = tmp_path / "model.safetensors"
    with weights.open("wb") as file:
        file.truncate(MAX_WHOLE_BYTES + 2**20)
    seen = {fingerprint(card(), tmp_path)}
    for place in (0, MAX_WHOLE_BYTES + 2**20 - 1):
        with weights.open("r+b") as file:
            file.seek(place)
            file.write(b"x")
        seen.add(fingerprint(card(), tmp_path))
    assert len(seen) == 3

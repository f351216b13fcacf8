"""The hash of everything in a model that changes its scores. Thresholds are valid for one fingerprint only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from inspector.adapters.vlm.transformers.chat_template import TEMPLATE_VERSION
from inspector.domain.declared import Reasoning, ViewName
from inspector.domain.model_card import ModelCard
from inspector.domain.pipeline import Pipeline
from inspector.domain.prompts import CLAIM_ORDERS, Pictures, preamble, questions

MAX_WHOLE_BYTES: Final = 256 * 2**20  # larger files are sampled: hashing a whole 16 GB checkpoint takes a minute
SAMPLES_PER_FILE: Final = 64
SAMPLE_BYTES: Final = 2**20
COVERED_REASONING: Final = (
    Reasoning.NONE,
    Reasoning.DRAFT,
)  # the wording of other kinds is versioned with the pipeline (REASONING_VERSION)
# the wording of these is versioned with the pipeline (SIMILAR_VERSION, SEPARATE_VERSION)
COVERED_VIEWS: Final = tuple(view for view in ViewName if view not in (ViewName.SIMILAR, ViewName.SEPARATE))
COVERED_PICTURES: Final = tuple(pictures for pictures in Pictures if pictures not in (Pictures.SIMILAR, *CLAIM_ORDERS))
CHECKPOINT_FILES: Final = (
    "*.safetensors",
    "*.json",
    "*.jinja",
    "*.txt",
)  # weights, configuration, tokenizer, chat template


def fingerprint(card: ModelCard, checkpoint: Path) -> str:
    """Return 16 hex over the checkpoint's files, dtype, pixel budgets, prompt wording and rendering."""
    hashed = hashlib.sha256(_settings(card).encode())
    for path in sorted({path for pattern in CHECKPOINT_FILES for path in checkpoint.glob(pattern)}):
        hashed.update(path.name.encode())
        for block in _blocks(path):
            hashed.update(block)
    return hashed.hexdigest()[:16]


def _settings(card: ModelCard) -> str:
    scored = card.model_dump(mode="json", include={"engine", "dtype", "pixels", "zoom_pixels"})
    return json.dumps([TEMPLATE_VERSION, scored, wording()], sort_keys=True)


def _blocks(path: Path) -> Iterator[bytes]:
    """Yield the file's bytes; of a large file its size and evenly spaced samples."""
    size = path.stat().st_size
    yield str(size).encode()
    with path.open("rb") as file:
        if size <= MAX_WHOLE_BYTES:
            while block := file.read(SAMPLE_BYTES):
                yield block
            return
        for sample in range(SAMPLES_PER_FILE):
            file.seek((size - SAMPLE_BYTES) * sample // (SAMPLES_PER_FILE - 1))
            yield file.read(SAMPLE_BYTES)


def wording() -> list[str]:
    """Return every sentence of the prompts for two fixed pipelines: a changed sentence changes the fingerprint."""
    sentences: list[str] = []
    for pipeline in _PROBES:
        sentences += [preamble(pipeline, pictures) for pictures in COVERED_PICTURES]
        sentences += [
            text
            for view in COVERED_VIEWS
            for reasoning in COVERED_REASONING
            for text in _texts(pipeline, view, reasoning)
        ]
    return sentences


def _texts(pipeline: Pipeline, view: ViewName, reasoning: Reasoning) -> list[str]:
    asked = questions(pipeline, view, samples=16, reasoning=reasoning, temperature=0.0, seed=0)
    return [question.text for question in asked]


_PROBE: Final = {
    "line": "probe",
    "cameras": ["*"],
    "product": "part",
    "question": "Is it broken?",
    "defects": {"scratch": "minor"},
    "golden_samples": ["golden.png"],
    "ladder": [{"views": ["direct"]}],
}
_PROBES: Final = tuple(Pipeline.model_validate({**_PROBE, "references": count}) for count in (0, 1))

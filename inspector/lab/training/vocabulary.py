"""The checkpoint's tokenizer and chat template: Qwen's format with a small vocabulary.

Byte-level BPE can encode any text. Yes, No, class names, the fixed parts of a report and the coordinate words are
single tokens, so a small model writes a report in about 25 steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from tokenizers import Regex, Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel, Sequence, Split
from tokenizers.trainers import BpeTrainer
from transformers import PreTrainedTokenizerFast

from inspector.domain import prompts as view
from inspector.domain.declared import ViewName
from inspector.domain.report import BOX_GRID, Box
from inspector.lab.synthetic import PRODUCTS, Flaw
from inspector.lab.training.training_examples import COORDINATE_STEP, PictureTruth, all_examples
from inspector.lab.training.wordings import FOREIGN_DEFECTS, random_pipeline

END_OF_TEXT: Final = "<|endoftext|>"
TURN_START: Final = "<|im_start|>"
TURN_END: Final = "<|im_end|>"
VISION_START: Final = "<|vision_start|>"
VISION_END: Final = "<|vision_end|>"
IMAGE: Final = "<|image_pad|>"
VIDEO: Final = "<|video_pad|>"
SPECIAL_TOKENS: Final = (END_OF_TEXT, TURN_START, TURN_END, VISION_START, VISION_END, IMAGE, VIDEO)
CHAT_TEMPLATE: Final = (Path(__file__).parent / "chat_template.jinja").read_text(encoding="utf-8")
VOCABULARY_SIZE: Final = 1536  # tokens
REPORT_SKELETON: Final = ('{"defect": "', '", "severity": "', '", "bbox_2d": [', '{"bbox_2d": [', '], "description": "')
SPLIT_PATTERNS: Final = (
    r'\{"(?:defect": "|bbox_2d": \[)',
    r'", "(?:severity": "|bbox_2d": \[)',
    r'\], "description": "',
    r", (?=\d)",
    r"\d{1,4}",
    r" ?[\p{L}_]+",
    r" ?[^\s\p{L}\p{N}_]+[\r\n]*",
    r"\s+",
)
MAIN_VIEWS: Final = tuple((name, view.PICTURES_OF[name]) for name in (ViewName.DIRECT, ViewName.COMPARE, ViewName.ZOOM))
CORPUS_SAMPLES: Final = 4000  # pictures whose examples are in the corpus
SINGLE_TOKEN_REPEATS: Final = 400  # occurrences in the corpus of a text that must become a single token


def make_tokenizer(seed: int) -> PreTrainedTokenizerFast:
    """Train a tokenizer on the texts of training examples."""
    tokenizer = Tokenizer(BPE())
    split = Split(Regex("|".join(SPLIT_PATTERNS)), "isolated")
    tokenizer.pre_tokenizer = Sequence([split, ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = ByteLevelDecoder()
    trainer = BpeTrainer(
        vocab_size=VOCABULARY_SIZE,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_corpus(np.random.default_rng(seed)), trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=TURN_END,
        pad_token=END_OF_TEXT,
        additional_special_tokens=list(SPECIAL_TOKENS),
        clean_up_tokenization_spaces=False,
        model_max_length=4096,
    )
    fast.chat_template = CHAT_TEMPLATE
    return fast


def _corpus(rng: np.random.Generator) -> Iterator[str]:
    """Yield texts for the tokenizer: single tokens first, then preambles, questions and answers."""
    yield from [text for text in _single_tokens() for _ in range(SINGLE_TOKEN_REPEATS)]
    for _ in range(CORPUS_SAMPLES):
        product = list(PRODUCTS)[int(rng.integers(len(PRODUCTS)))]
        classes = list(PRODUCTS[product].defects)
        x, y = rng.uniform(0.0, 0.9, 2)
        flaw = Flaw(classes[int(rng.integers(len(classes)))], (0, 0, 1, 1), Box(x, y, x + 0.1, y + 0.1), rng.random())
        first, view_pictures = MAIN_VIEWS[int(rng.integers(len(MAIN_VIEWS)))]
        pipeline = random_pipeline(rng, product, references=int(rng.random() < 0.2))
        yield view.preamble(pipeline, view_pictures)
        for example in all_examples(rng, pipeline, PictureTruth((flaw,)), first):
            yield example.question
            yield example.prefill + example.answer


def _single_tokens() -> list[str]:
    """Return the texts that must become single tokens."""
    classes = [name for product in PRODUCTS.values() for name in product.defects] + list(FOREIGN_DEFECTS)
    words = [text for word in (*view.YES, *view.NO, "A", "B", *classes) for text in (word, f" {word}")]
    return [
        *REPORT_SKELETON,
        *words,
        *coordinate_words(),
        " critical",
        " major",
        " minor",
        "critical",
        "major",
        "minor",
    ]


def coordinate_words() -> list[str]:
    """Return all coordinate words."""
    return [str(value) for value in range(0, int(BOX_GRID) + COORDINATE_STEP, COORDINATE_STEP)]

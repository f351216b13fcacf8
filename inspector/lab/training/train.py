"""Trains the checkpoint from random weights: two stages, resumable at any saved step, with learning curves."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import torch

from inspector.lab.training.architecture import make_model, save_checkpoint
from inspector.lab.training.example_encoder import ExampleEncoder
from inspector.lab.training.language_stage import train_language, unfreeze_language_model, validate_language
from inspector.lab.training.learning_curves import plot_curves
from inspector.lab.training.optimizer import Optimizer
from inspector.lab.training.vision_stage import VisionHeads, train_vision, validate_vision, whiten_patch_embedding
from inspector.lab.training.vocabulary import make_tokenizer

SAVE_EVERY_STEPS: Final = 100  # steps between saved states
VALIDATE_EVERY_STEPS: Final = 800  # steps between validations
LANGUAGE_RATE_FACTOR: Final = 0.5  # of the learning rates in stage 2
M_MMAP_MAX: Final = -4  # parameter numbers of mallopt in malloc.h
M_TRIM_THRESHOLD: Final = -1
MAX_RETAINED_BYTES: Final = 2**31 - 1  # freed memory that is not returned to the system
VISION, LANGUAGE = "vision", "language"
StepProgress = Callable[[str, int, int, dict[str, float]], None]  # stage, steps done, total steps, figures


def train(
    folder: Path,
    state: Path,
    *,
    seed: int = 7,
    vision_steps: int = 8400,
    language_steps: int = 1800,
    threads: int = 2,
    progress: StepProgress = lambda *_: None,
) -> None:
    """Train a checkpoint into `folder`.

    `state` holds everything that is needed to resume. A second call with the same arguments continues from the last
    saved step.
    """
    torch.set_num_threads(threads)
    _retain_freed_memory()
    training = TrainingRun(folder, state, seed, progress)
    training.resume()
    training.run_vision(vision_steps)
    training.run_language(language_steps)


def _retain_freed_memory() -> None:
    """Keep freed memory in the process.

    Each step allocates and frees large arrays. Fetching their pages from the system again would take a fifth of a step.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):  # only glibc has it
        libc.mallopt(M_MMAP_MAX, 0)
        libc.mallopt(M_TRIM_THRESHOLD, MAX_RETAINED_BYTES)


class TrainingRun:
    """Model, heads, optimizer and history of one training run."""

    def __init__(self, folder: Path, state: Path, seed: int, progress: StepProgress) -> None:
        self.folder, self.state, self.seed, self.progress = folder, state, seed, progress
        self.tokenizer = make_tokenizer(seed)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.model: Any = make_model(self.tokenizer, seed).to(self.device)
        self.heads = VisionHeads().to(self.device)
        self.stage, self.done = VISION, 0
        self.history: list[dict[str, float | str]] = []
        self.optimizer = self._optimizer()

    def run_vision(self, steps: int) -> None:
        """Run the remaining steps of stage 1; do nothing if the run is already in stage 2."""
        if self.stage != VISION:
            return
        if self.done == 0:
            whiten_patch_embedding(self.model.model.visual, self.seed)
        todo = range(self.done, steps)
        train_vision(self.model.model.visual, self.heads, self.optimizer, self.seed, todo, steps, self._reporter(steps))
        self.stage, self.done = LANGUAGE, 0
        self.optimizer = self._optimizer()
        self._save_state()

    def run_language(self, steps: int) -> None:
        """Run the remaining steps of stage 2."""
        todo, encoder = range(self.done, steps), ExampleEncoder(self.tokenizer)
        train_language(self.model, self.heads, encoder, self.optimizer, self.seed, todo, steps, self._reporter(steps))
        self._save_state()

    def resume(self) -> None:
        """Load the last saved step, if there is one."""
        if not self.state.exists():
            return
        state = torch.load(self.state, map_location=self.device)
        self.stage, self.done, self.history = state["stage"], state["done"], state["history"]
        self.model.load_state_dict(state["model"])
        self.heads.load_state_dict(state["heads"])
        self.optimizer = self._optimizer()
        self.optimizer.load_state_dict(state["optimizer"])

    def _optimizer(self) -> Optimizer:
        if self.stage == VISION:
            return Optimizer([self.model.model.visual], [self.heads])
        return Optimizer(unfreeze_language_model(self.model), rate=LANGUAGE_RATE_FACTOR)

    def _reporter(self, steps: int) -> Callable[[int, dict[str, float]], None]:
        def report(step: int, figures: dict[str, float]) -> None:
            self.done = step + 1
            if self.done % VALIDATE_EVERY_STEPS == 0 or self.done == steps:
                figures = figures | self._validate()
            self.history.append({"stage": self.stage, "step": self.done, **figures})
            self.progress(self.stage, self.done, steps, figures)
            if self.done % SAVE_EVERY_STEPS == 0:
                self._save_state()

        return report

    def _validate(self) -> dict[str, float]:
        if self.stage == VISION:
            return validate_vision(self.model.model.visual, self.heads)
        return validate_language(self.model, ExampleEncoder(self.tokenizer))

    def _save_state(self) -> None:
        """Save what resuming needs; in stage 2 also the checkpoint and the curves."""
        self.state.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.state.with_suffix(".new")
        state = {
            "stage": self.stage,
            "done": self.done,
            "history": self.history,
            "model": self.model.state_dict(),
            "heads": self.heads.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        torch.save(state, fresh)
        os.replace(fresh, self.state)
        if self.stage == LANGUAGE and self.done:
            save_checkpoint(self.model, self.tokenizer, self.folder)
            plot_curves(self.history, self.folder)

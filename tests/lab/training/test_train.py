"""A training run with an interruption."""

from __future__ import annotations

from pathlib import Path

from transformers import Qwen3VLForConditionalGeneration

from inspector.lab.training.train import train


def test_an_interrupted_training_resumes_at_the_saved_step(tmp_path: Path) -> None:
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

"""The reference for the engine: the whole prompt as one text, through the model's own `forward` and `generate`."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import torch

from inspector.adapters.vlm.transformers.checkpoint import Checkpoint
from inspector.adapters.vlm.transformers.images import ImagePreparer
from inspector.domain.model_card import ModelCard
from inspector.domain.prompts import P_TRUE_REQUEST, Question
from inspector.ports.engine import Picture


class WholePrompt:
    """One checkpoint, asked the plain way."""

    def __init__(self, checkpoint: Checkpoint, card: ModelCard) -> None:
        self.model, self.tokenizer, processor = checkpoint
        self._optics = ImagePreparer(processor, card)

    @torch.inference_mode()
    def share_of_ng(self, pictures: Sequence[Picture], text: str, question: Question, said: str = "") -> float:
        """P(ng) / (P(ng) + P(ok)) for Yes and No after a forward over everything."""
        return self._share(question.ng_words[0], self._inputs(pictures, text + question.text, said))

    @torch.inference_mode()
    def p_true(self, pictures: Sequence[Picture], text: str, question: Question, said: str) -> float:
        """P(Yes) / (P(Yes) + P(No)) after a forward over the question, what was said, and whether that is right."""
        return self._share("Yes", self._inputs(pictures, text + question.text, "", said, P_TRUE_REQUEST))

    def _share(self, word: str, inputs: dict[str, torch.Tensor]) -> float:
        shares = self.model(**inputs).logits[0, -1].softmax(-1)
        words = {"Yes": self._tokens("Yes"), "No": self._tokens("No")}
        return float(shares[words[word]].sum() / shares[words["Yes"] + words["No"]].sum())

    @torch.inference_mode()
    def generate(
        self, pictures: Sequence[Picture], text: str, start: str, max_tokens: int, **settings: Any
    ) -> tuple[str, int]:
        """Greedy text and its number of tokens; `settings` are more of generate's own."""
        inputs = self._inputs(pictures, text, start)
        spoken = self.model.generate(**inputs, do_sample=False, max_new_tokens=max_tokens, **settings)
        spoken = spoken[0, inputs["input_ids"].shape[1] :]
        count = int((spoken != self.tokenizer.eos_token_id).sum())
        return start + self.tokenizer.decode(spoken, skip_special_tokens=True), count

    def _tokens(self, word: str) -> list[int]:
        spelled = [space + form for space in ("", " ") for form in (word, word.lower(), word.upper())]
        encoded = [self.tokenizer.encode(form, add_special_tokens=False) for form in spelled]
        return [tokens[0] for tokens in encoded if len(tokens) == 1]

    def _inputs(self, pictures: Sequence[Picture], text: str, start: str, *later: str) -> dict[str, torch.Tensor]:
        """`later` is what was said after `text`, in turns."""
        seen = self._optics.patches(pictures)
        content: list[dict[str, Any]] = [{"type": "image"} for _ in pictures]
        messages = [{"role": "user", "content": [*content, {"type": "text", "text": text}]}]
        turns = zip(later, itertools.cycle(("assistant", "user")), strict=False)
        messages += [{"role": role, "content": [{"type": "text", "text": said}]} for said, role in turns]
        prompt = str(self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)) + start
        for count in seen.tokens:
            prompt = prompt.replace("<|image_pad|>", "<picture>" * count, 1)
        ids = self.tokenizer(prompt.replace("<picture>", "<|image_pad|>"), return_tensors="pt")["input_ids"]
        image = (ids == self.model.config.image_token_id).int()
        return {"input_ids": ids, "mm_token_type_ids": image, "pixel_values": seen.pixels, "image_grid_thw": seen.grid}

"""Stage 2: the language model learns to answer from what the tower sees.

The tower is left as stage 1 made it, mergers and all. Trained along at a rate that suits the language model it forgot
how to see (AUROC of its patches 0.90 to 0.70 in 200 steps), because these frames show far fewer flaws than stage 1's;
with the mergers alone it forgot where flaws lie (share of boxes that fit 0.38 to 0.06 in 1,300 steps).

Of what it sees in a part, a truth of yes or no tells little where a flaw is faint. So the wanted verdict lies between
the truth and what the tower's own heads, which outlive stage 1 as a teacher, make of the same picture (Hinton et al.,
Distilling the knowledge in a neural network, 2015).
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from inspector.lab.training.dialogue import Rows, Scribe
from inspector.lab.training.feed import Case, Conversations, stream
from inspector.lab.training.optimizer import Optimizer
from inspector.lab.training.precision import products
from inspector.lab.training.teacher import FIT_BATCHES, Teacher, is_lone, look
from inspector.lab.training.tower import Features
from inspector.lab.training.vision_stage import Heads, Report
from inspector.tuning.classification_metrics import auroc

TEACHER_SHARE: Final = 0.5  # of a wanted verdict; the rest is the truth
ODDS_WEIGHT: Final = 0.2  # of the distance to the teacher's log-odds, beside the surprise
MOST_ODDS: Final = 5.0  # the teacher's log-odds beyond these are all the same
CHECK_BATCHES: Final = 12
GROUP: Final = 8  # rows padded to one length


def taught(model: Any) -> list[nn.Module]:
    """What this stage trains; everything else is frozen."""
    parts = [model.model.language_model]
    model.requires_grad_(False)
    for part in parts:
        part.requires_grad_(True)
    return parts


def language_step(model: Any, scribe: Scribe, teacher: Teacher, cases: list[Case]) -> float:
    """Adds the gradients of one batch, long rows apart from short ones to spare padding; its mean loss."""
    rows = sorted(
        ((scribe.row(len(c.shots), c.preamble, c.lessons), c) for c in cases), key=lambda pair: len(pair[0].ids)
    )
    whole, total = sum(target.weight for row, _ in rows for target in row.targets), 0.0
    for start in range(0, len(rows), GROUP):
        group = rows[start : start + GROUP]
        loss = _loss(model, teacher, scribe.collate([row for row, _ in group]), [case for _, case in group]) / whole
        loss.backward()  # type: ignore[no-untyped-call]
        total += loss.item()
    return total


def _loss(model: Any, teacher: Teacher, rows: Rows, cases: list[Case]) -> Tensor:
    """Weighted surprise at all wanted tokens, summed, and how far verdicts are from the teacher's."""
    rows = rows.to(model.device)
    with products(model.device):
        with torch.no_grad():
            seen = look(model.model.visual, cases)
            told = teach(teacher, rows, cases, seen)
        logits = answer(model, rows, seen).float()
    surprise = -logits.log_softmax(-1).gather(1, rows.target_ids)
    missed = (surprise * (rows.target_shares + told.leaning)).sum(1) + ODDS_WEIGHT * odds_missed(logits, rows, told)
    return (missed * rows.target_weight).sum()


class Told(NamedTuple):
    """What the teacher says of each target: 1 for NG in the first of its two words and -1 for NG in the second, 0 where
    it knows nothing [targets]; log-odds of the first word [targets]; what its doubt adds to the wanted shares
    [targets, words]."""

    asks: Tensor
    odds: Tensor
    leaning: Tensor


def teach(teacher: Teacher, rows: Rows, cases: list[Case], seen: Features) -> Told:
    """Of a lone picture of the product only: of a comparison the teacher knows nothing."""
    device = rows.ids.device
    truth = torch.tensor([float(bool(case.shots[-1].flaws)) for case in cases], device=device)
    lone = torch.tensor([is_lone(case) for case in cases], device=device)
    ng = teacher.log_odds(cases, seen)
    asks = rows.target_asks * lone[rows.target_row]
    leaning = torch.zeros_like(rows.target_shares)
    leaning[:, 0] = TEACHER_SHARE * asks * (ng.sigmoid() - truth)[rows.target_row]
    leaning[:, 1] = -leaning[:, 0]
    return Told(asks, asks * ng.clamp(-MOST_ODDS, MOST_ODDS)[rows.target_row], leaning)


def odds_missed(logits: Tensor, rows: Rows, told: Told) -> Tensor:
    """[targets]: how far log-odds are from the teacher's. Surprise hardly tells one small probability from another, and
    among those the faint flaws are to be ranked."""
    first, second = logits.gather(1, rows.target_ids[:, :2]).unbind(1)
    return F.smooth_l1_loss(first - second, told.odds, reduction="none") * told.asks.abs()


def answer(model: Any, rows: Rows, features: Features) -> Tensor:
    """Logits at the wanted places: [targets, words]."""
    picture = rows.ids == model.config.image_token_id
    embedded = model.get_input_embeddings()(rows.ids)
    embedded = embedded.masked_scatter(picture[..., None], features.tokens.flatten(0, 1).to(embedded.dtype))
    said = model.model.language_model(
        inputs_embeds=embedded,
        attention_mask=rows.allowed,
        position_ids=rows.positions,
        visual_pos_masks=picture,
        deepstack_visual_embeds=[layer.flatten(0, 1) for layer in features.deepstack],
        use_cache=False,
    ).last_hidden_state
    logits: Tensor = model.lm_head(said[rows.target_row, rows.target_at])
    return logits


def train_language(
    model: Any, heads: Heads, scribe: Scribe, optimizer: Optimizer, seed: int, steps: range, total: int, report: Report
) -> None:
    """Runs these steps of `total`; `report` is told after each. `heads` are stage 1's."""
    teacher = Teacher(heads, seed, model.model.visual, min(FIT_BATCHES, total))
    for step, cases in zip(steps, stream(Conversations(seed, steps.start, steps.stop)), strict=True):
        loss = language_step(model, scribe, teacher, cases)
        optimizer.step(step, total)
        report(step, {"language_loss": loss})


def check_language(model: Any, scribe: Scribe, batches: int = CHECK_BATCHES) -> dict[str, float]:
    """AUROC of the main question's answer, pictures of something else left out."""
    held_out = Conversations(98, 0, batches)
    scores, truths = [], []
    with torch.no_grad():
        for index in range(batches):
            cases = [case for case in held_out[index] if case.shots[-1].in_scope and case.judged]
            scores.append(_first_answers(model, scribe, cases))
            truths += [bool(case.shots[-1].flaws) for case in cases]
    return {"verdict_auroc": auroc(np.concatenate(scores), np.array(truths))}


def _first_answers(model: Any, scribe: Scribe, cases: list[Case]) -> np.ndarray[Any, Any]:
    """Log-odds of Yes to each case's first question."""
    rows = scribe.collate([scribe.row(len(case.shots), case.preamble, case.lessons[:1]) for case in cases])
    rows = rows.to(model.device)
    with products(model.device):
        logits = answer(model, rows, look(model.model.visual, cases)).float()
    yes, no = rows.target_ids[0, :2]
    odds: np.ndarray[Any, Any] = (logits[:, yes] - logits[:, no]).cpu().numpy()
    return odds

"""`inspector thresholds` on a ledger: limits with a guarantee, or what is missing."""

from __future__ import annotations

import asyncio
import csv
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from rich.console import Console
from support.fakes import PASSED, REJECTED, a_part, a_pipeline
from support.reviews import add_reviews, labelled
from typer.testing import CliRunner

from inspector.adapters.ledger import DeclaredVersion, SqlLedger, store_versions, upgrade
from inspector.cli.app import app
from inspector.cli.thresholds import thresholds_table
from inspector.config.loader import read_pipeline
from inspector.domain.declared import ViewName
from inspector.domain.part import Evidence
from inspector.domain.vote import StoppedBy, Vote
from inspector.errors import InspectorError
from inspector.lines.threshold_advice import ThresholdAdvice
from inspector.operations.thresholds import advise_thresholds, write_review_list, write_thresholds
from inspector.tuning.threshold_choice import ThresholdPromise

LINE = a_pipeline(ladder=[{"views": ["direct"]}])
PROMISE = ThresholdPromise(escape=0.05)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    upgrade(url(tmp_path))
    store_versions(url(tmp_path), [DeclaredVersion(LINE, (), source="line: pcb")])
    return tmp_path


def url(folder: Path) -> str:
    return f"sqlite:///{folder / 'ledger.db'}"


async def fill(folder: Path, scores: Sequence[tuple[float, bool | None]]) -> None:
    """Record parts with one vote each, and the answers that are not None."""
    async with SqlLedger(url(folder)) as ledger:
        known = []
        for number, (score, ng) in enumerate(scores):
            part = a_part(
                f"t-{number}",
                decision=PASSED if score < 0.2 else REJECTED,
                votes=(Vote(ViewName.DIRECT, 0, score),),
                stopped_by=StoppedBy.LADDER_END,
                evidence=Evidence(f"{number:064x}", "image/png", 9),
            )
            await ledger.record(part, [])
            if ng is not None:
                known.append(labelled(part.result_id, ng))
    add_reviews(url(folder), known)


def filled(folder: Path, scores: Sequence[tuple[float, bool | None]]) -> str:
    asyncio.run(fill(folder, scores))
    return url(folder)


def shown(advice: ThresholdAdvice) -> str:
    screen = Console(width=160)
    with screen.capture() as captured:
        screen.print(thresholds_table(advice))
    return captured.get()


def test_proved_limits_are_shown_and_written_with_their_base(folder: Path) -> None:
    ledger = filled(folder, [(0.95, True)] * 70 + [(0.05, False)] * 200 + [(0.5, False)] * 20)
    advice = advise_thresholds(ledger, "pcb", PROMISE)
    chosen = advice.choice.chosen
    assert chosen is not None
    assert chosen.thresholds.reject_above == LINE.thresholds.reject_above
    assert chosen.thresholds.pass_below > 0.5
    assert (chosen.escape.wrong, chosen.escape.parts) == (0, 70)
    assert chosen.escape.bound == pytest.approx(1.0 - 0.05 ** (1 / 70))
    assert "0 of 70" in shown(advice)
    assert " 0.00%" not in shown(advice)
    write_thresholds(advice, folder / "pcb.yaml")
    text = (folder / "pcb.yaml").read_text()
    assert "escape share ≤ 5.00% at 95% confidence" in text
    assert read_pipeline(text, "pcb.yaml").thresholds == chosen.thresholds


def test_none_of_twelve_is_refused_with_the_missing_number_and_is_not_called_zero(folder: Path) -> None:
    advice = advise_thresholds(filled(folder, [(0.95, True)] * 12 + [(0.05, False)] * 30), "pcb", PROMISE)
    assert advice.choice.chosen is None
    assert advice.plan is not None
    assert advice.plan.ng_missing == 47
    assert not advice.plan.is_sufficient
    text = shown(advice)
    assert "the nearest need 47 more NG parts" in text
    assert "0 of 12 0 of 12 < 22.09% 22.09% 95.00%" in " ".join(text.split())
    assert " 0.00%" not in text
    with pytest.raises(InspectorError, match="no limits of pcb are proved"):
        write_thresholds(advice, folder / "pcb.yaml")


def test_rejects_alone_prove_nothing_and_the_passed_parts_to_review_are_listed(folder: Path) -> None:
    scores: list[tuple[float, bool | None]] = [*[(0.95, True)] * 80, *[(0.05, None)] * 200, *[(0.05, False)] * 20]
    advice = advise_thresholds(filled(folder, scores), "pcb", PROMISE)
    assert advice.choice.chosen is None
    assert advice.choice.current.escape.parts < 25
    assert advice.plan is not None
    assert advice.plan.is_sufficient
    assert set(advice.plan.more) == {"PASS"}
    write_review_list(advice.next_parts, folder / "next.csv")
    rows = list(csv.DictReader((folder / "next.csv").open()))
    assert len(rows) == advice.plan.more[PASSED.disposition] > 100
    assert {row["verdict"] for row in rows} == {""}


def test_a_disposition_of_which_nobody_reviewed_a_part_is_named_and_no_share_is_made_up(folder: Path) -> None:
    text = shown(advise_thresholds(filled(folder, [(0.95, True)] * 20 + [(0.05, None)] * 30), "pcb", PROMISE))
    row = next(" ".join(line.split()) for line in text.splitlines() if line.startswith("escape "))
    assert row == "escape 0 of 20 0 of 0 - 100.00% 95.00%"
    assert "none of PASS is reviewed" in " ".join(text.split())


def test_reviewing_the_listed_parts_proves_it(folder: Path) -> None:
    ledger = filled(folder, [(0.95, True)] * 80 + [(0.05, None)] * 200 + [(0.05, False)] * 20)
    listed = advise_thresholds(ledger, "pcb", PROMISE).next_parts
    add_reviews(ledger, [labelled(each.result_id, False) for each in listed])
    after = advise_thresholds(ledger, "pcb", PROMISE)
    missing = after.plan.ng_missing if after.plan else 0
    assert missing < 8  # the draw may keep a few NG parts less than expected


def test_a_reviewed_ng_part_that_would_pass_keeps_limits_below_it(folder: Path) -> None:
    scores = [(0.95, True)] * 70 + [(0.3, True)] * 6 + [(0.05, False)] * 200
    chosen = advise_thresholds(filled(folder, scores), "pcb", PROMISE).choice.chosen
    assert chosen is not None
    assert chosen.thresholds.pass_below <= 0.3


@pytest.mark.parametrize(
    ("promise", "complaint"),
    [
        (ThresholdPromise(0.0), "escape: 0 is not above 0"),
        (ThresholdPromise(float("nan")), "escape: nan"),
        (ThresholdPromise(0.05, overkill=1.5), "overkill: 1.5"),
        (ThresholdPromise(0.05, confidence=1.0), "confidence: 1 is not"),
    ],
)
def test_a_promise_that_nothing_proves_is_refused(folder: Path, promise: ThresholdPromise, complaint: str) -> None:
    with pytest.raises(InspectorError, match=complaint):
        advise_thresholds(url(folder), "pcb", promise)


def test_the_command_prints_json_draws_a_chart_and_fails_without_proof(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSPECTOR_DATABASE_URL", filled(folder, [(0.95, True)] * 12 + [(0.05, False)] * 30))
    command = ["thresholds", "pcb", "--escape", "0.05", "--json", "--out", str(folder / "out")]
    found = CliRunner().invoke(app, [*command, "--review-next", str(folder / "next.csv")])
    assert found.exit_code == 1
    document = json.loads(found.stdout)
    assert document["proved"] is False
    assert document["nearest"]["escape"]["more"] == 47
    assert document["left_out"] == {"not_decided_by_votes": 0, "reviewed_elsewhere": 0}
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["thresholds.json", "thresholds.png"]

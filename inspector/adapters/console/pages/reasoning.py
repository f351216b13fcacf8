"""Why a part got its verdict: the strip at the top, the findings, and every vote of the ladder."""

from __future__ import annotations

from typing import Final

from nicegui import ui

from inspector.adapters.console.pages import phrases
from inspector.adapters.console.pages.looks import DISPOSITIONS, FINDINGS
from inspector.adapters.console.pages.rows import vote_rows
from inspector.adapters.console.pages.sheet import Sheet
from inspector.adapters.console.pages.shell import words
from inspector.adapters.console.schemas import PartReport
from inspector.domain.pipeline import Thresholds
from inspector.domain.prompts import word
from inspector.domain.report import WordsState
from inspector.messages.outgoing import FindingLine, VerdictMessage

NO_FINDINGS: Final = {
    WordsState.NONE: "No report was requested: the model writes one only when the votes indicate a defect.",
    WordsState.PENDING: "The verdict is published; the model is still writing…",
    WordsState.MISSING: "No report was written: time ran out, or writing was interrupted.",
    WordsState.WRITTEN: "The model named no defect.",
    WordsState.UNPARSABLE: "The model's text is not a valid report. Its exact text:",
}


def show_verdict(part: PartReport, thresholds: Thresholds | None) -> None:
    verdict = part.report.verdict
    look = DISPOSITIONS[verdict.disposition]
    with ui.element("section").classes(f"card verdict-strip {look.css}").props("data-testid=verdict"):
        with ui.element("span").classes(f"chip {look.css}"):
            ui.icon(look.icon).props("aria-hidden=true")
            ui.label(verdict.disposition)
        with ui.element("div").style("flex: 1; min-width: 0"):
            words("div", phrases.explanation(verdict, thresholds)).classes("explanation")
            words("div", part.report.detail).classes("muted free-text")
            if verdict.p_ng is not None:
                _scale(verdict.p_ng, thresholds)
            words("div", _how(verdict)).classes("muted number").style("margin-top: 8px")
            if verdict.late:
                words("div", "Decided after the deadline: the gate acted without this verdict.").classes("late")


def show_findings(part: PartReport) -> None:
    state, findings = part.report.words_state, part.report.findings
    with ui.element("section").classes("card").props("data-testid=findings"):
        words("h2", "Findings")
        for rank, finding in enumerate(findings, start=1):
            _finding(rank, finding)
        if not findings:
            words("p", NO_FINDINGS[state]).classes("muted").style("margin: 0 0 6px")
        if state is WordsState.UNPARSABLE and part.words_raw:
            words("pre", part.words_raw).classes("raw free-text")


def show_votes(part: PartReport, thresholds: Thresholds | None) -> None:
    votes, verdict = part.report.votes, part.report.verdict
    with ui.element("section").classes("card"):
        words("h2", f"Votes: {phrases.votes(verdict)}, {phrases.STOPS[verdict.stopped_by]}" if votes else "Votes: none")
        if votes:
            Sheet("Votes").show(vote_rows(votes, thresholds))
        if opinion := part.report.second_opinion:
            summary = f"Second opinion, from the golden samples: p(NG) {opinion.p_ng:.2f}, {opinion.text}"
            words("p", summary).classes("sub")
        if votes and thresholds is None:
            words("p", "The line has a newer declaration; the limits that judged this part are not shown.").classes(
                "sub"
            )


def _scale(p_ng: float, thresholds: Thresholds | None) -> None:
    limits = f"--below: {thresholds.pass_below:.1%}; --above: {thresholds.reject_above:.1%}" if thresholds else ""
    with ui.element("div").classes(f"gauge tall {'known' if thresholds else ''}") as gauge:
        gauge.style(f"margin-top: 14px; {limits}").props(f'role=img aria-label="probability of NG {p_ng:.2f}"')
        ui.element("i").style(f"left: {p_ng:.1%}")
    with ui.element("div").classes("scale").props("aria-hidden=true"):
        for end in ("0 · OK", f"p(NG) {p_ng:.3f}", "NG · 1"):
            words("span", end)


def _how(verdict: VerdictMessage) -> str:
    deadline = f"{phrases.duration(verdict.latency_ms)} of {phrases.duration(verdict.deadline_ms)}"
    return " · ".join(filter(None, (f"verdict {verdict.verdict}", phrases.agreement(verdict), deadline)))


def _finding(rank: int, finding: FindingLine) -> None:
    look = FINDINGS[finding.severity]
    with ui.element("div").classes("finding"):
        words("span", str(rank)).classes("rank")
        with ui.element("div").style("min-width: 0; flex: 1"):
            words("b", word(finding.defect).capitalize()).classes("free-text")
            words("div", finding.description).classes("free-text")
        with ui.element("span").classes(f"chip {look.css}").style("align-self: flex-start"):
            ui.icon(look.icon).props("aria-hidden=true")
            ui.label(finding.severity)

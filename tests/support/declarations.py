"""Declarations for tests: one plain pipeline, and strategies for arbitrary ones."""

from __future__ import annotations

from hypothesis import strategies as st

from inspector.domain.declared import Severity, ViewName
from inspector.domain.pipeline import MIN_READABLE, Pipeline, Thresholds
from inspector.domain.vote import Vote

VIEWS_WITHOUT_PICTURES = [view for view in ViewName if view not in (ViewName.COMPARE, ViewName.SEPARATE)]


LINE_FILE = """\
line: {line}
cameras: [cam1]
product: part
question: Is there any defect on this part?
defects: {{scratch: minor}}
ladder: [{{views: [direct]}}]
deadline_ms: {deadline_ms}
"""


def line_file(line: str = "pcb", deadline_ms: int = 600_000) -> str:
    """The YAML of a line with one camera that is asked one question."""
    return LINE_FILE.format(line=line, deadline_ms=deadline_ms)


def a_pipeline(**settings: object) -> Pipeline:
    """A valid pipeline in which only `settings` differ."""
    return Pipeline.model_validate(
        {
            "line": "pcb",
            "cameras": ["*"],
            "product": "circuit board",
            "question": "Is there any defect on this circuit board?",
            "defects": {"short": "critical", "missing_hole": "major"},
            "ladder": [{"views": ["direct"]}, {"views": ["paraphrase", "checklist"], "samples": 2}],
            **settings,
        }
    )


names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,63}", fullmatch=True)
trigger_ids = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.:\-]{0,127}", fullmatch=True)
shares = st.floats(0.0, 1.0)
words = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=3, max_size=20)


@st.composite
def thresholds(draw: st.DrawFn) -> Thresholds:
    low, high = sorted((draw(shares), draw(shares)))
    return Thresholds(pass_below=low, reject_above=high)


@st.composite
def votes(draw: st.DrawFn, readable: bool = False) -> Vote:
    odd = st.sampled_from([0.0, 0.5, 1.0, 0.2, 0.8])
    p_ng = odd | shares if readable else st.none() | odd | shares
    share = st.none() | st.floats(MIN_READABLE, 1.0) if readable else st.none() | shares
    return Vote(draw(st.sampled_from(ViewName)), 0, draw(p_ng), readable=draw(share))


@st.composite
def pipelines(draw: st.DrawFn) -> Pipeline:
    rungs = st.fixed_dictionaries(
        {
            "views": st.lists(st.sampled_from(VIEWS_WITHOUT_PICTURES), min_size=1, unique=True),
            "samples": st.integers(1, 16),
            "reasoning": st.sampled_from(["none", "draft", "cot", "budget"]),
        }
    )
    texts = st.lists(words, max_size=3, unique=True)
    ladder = draw(st.lists(rungs, min_size=1, max_size=3))
    if len(ladder) > 1 and draw(st.booleans()):
        ladder = [*ladder, {"views": [ViewName.SEPARATE]}]
    return a_pipeline(
        product=draw(words),
        question=draw(words),
        defects=draw(st.dictionaries(words.map(str.lower), st.sampled_from(Severity), min_size=1, max_size=4)),
        cameras=draw(st.lists(names, min_size=1, max_size=2, unique=True) | st.just(["*"])),
        paraphrases=draw(texts),
        checklist=draw(texts),
        ladder=ladder,
        thresholds=draw(thresholds()),
        count=draw(st.sampled_from(["soft", "majority"])),
        deadline_ms=draw(st.floats(50.0, 600_000.0)),
        fail_safe=draw(st.sampled_from(["REVIEW", "REJECT"])),
    )

"""Stand-ins at the story's ports, and parts to work with. A fake keeps the promises of its port: the tests of
the ledger run against `MemoryLedger` too."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from inspector.domain.decision import Decision, Reason, Verdict
from inspector.domain.declared import Disposition, ViewName
from inspector.domain.frame import FrameKey
from inspector.domain.heat_map import HeatMap
from inspector.domain.line_state import LineState, LineStatus, PassRight, RightOrigin
from inspector.domain.part import Evidence, PartRecord, PartState, PipelineRef
from inspector.domain.part_identity import PartIdentity
from inspector.domain.pipeline import Pipeline, Retention, line_fingerprint
from inspector.domain.reconciliation import Ack, CountComparison, MissingAck, TriggerCount
from inspector.domain.report import Words, WordsState
from inspector.domain.review import Review
from inspector.domain.truth import TruthState, truth_of
from inspector.domain.vote import StoppedBy, Vote
from inspector.errors import LedgerError, NotFoundError, StaleError
from inspector.messages.withdrawal import correct_report, gate_deadline, report_id
from inspector.numerics.latency_histogram import BUCKETS, bucket_of, quantile_ms
from inspector.ports.archive import (
    Acknowledgement,
    EventFilter,
    EventRow,
    PartFilter,
    PartReviews,
    PartRow,
    PartSort,
    ReviewFilter,
    Totals,
    counted_since,
)
from inspector.ports.broker import OutgoingMessage
from inspector.ports.camera_minutes import CameraMinute
from inspector.ports.ledger import (
    CameraActivity,
    CameraRow,
    Event,
    NewestRun,
    OpenPart,
    PartCandidate,
    PipelineVersion,
    Recorded,
    StoredVerdict,
)
from inspector.ports.lines import SeenLine, StatusChange
from inspector.utc import utc_now

MODEL_FINGERPRINT = "0123456789abcdef"
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
PASSED = Decision(Verdict.OK, Disposition.PASS, Reason.NO_DEFECT)
REJECTED = Decision(Verdict.NG, Disposition.REJECT, Reason.DEFECT)


def a_part(trigger_id: str = "t-1", *, line: str = "pcb", camera: str = "cam1", **changes: Any) -> PartRecord:
    """A passed part with one vote, unless `changes` say otherwise. A number belongs to the counter's first run."""
    changes.setdefault("run", None if changes.get("seq") is None else 1)
    part = PartRecord(
        result_id=f"{line}-{camera}-{trigger_id}",
        key=FrameKey(line, camera, trigger_id),
        decision=PASSED,
        pipeline=PipelineRef(line, 1, "0123456789abcdef"),
        received_at=NOON,
        decided_at=NOON,
        latency_ms=120.0,
        deadline_ms=1500.0,
        late=False,
        line_state=LineState.LIVE,
        would_be=changes.get("decision", PASSED).outcome,
        votes=(Vote(ViewName.DIRECT, 0, 0.04, 1, 31.5, "No"),),
        rungs=1,
        stopped_by=StoppedBy.SETTLED,
    )
    return replace(part, **changes)


def live_version(pipeline: Pipeline, version: int = 1, golden: tuple[str, ...] = ()) -> PipelineVersion:
    """A version of a line that is qualified for the model of the fakes."""
    fingerprint = line_fingerprint(pipeline.settings_fingerprint(), MODEL_FINGERPRINT, golden)
    right = PassRight(fingerprint, pipeline.policy_fingerprint(), RightOrigin.QUALIFICATION, tuple(pipeline.cameras))
    return PipelineVersion(pipeline, version, golden, LineStatus(LineState.LIVE, (right,)))


def new_version(pipeline: Pipeline, version: int = 1, golden: tuple[str, ...] = ()) -> PipelineVersion:
    """A version of a line to which nobody gave a state yet."""
    return PipelineVersion(pipeline, version, golden, LineStatus(LineState.COMMISSIONING))


def a_verdict(part: PartRecord) -> OutgoingMessage:
    return OutgoingMessage(
        part.result_id, f"inspector/v1/{part.key.line}/{part.key.camera}/verdict", b"{}", confirms=True
    )


def a_pipeline(line: str = "pcb", **declared: Any) -> Pipeline:
    told = {
        "cameras": ["*"],
        "product": "board",
        "question": "Is there any defect?",
        "defects": {"scratch": "major", "short": "critical"},
    }
    return Pipeline.model_validate({"line": line, **told, "ladder": [{"views": ["direct"]}], **declared})


@dataclass
class Posted:
    """A message in the outbox. `published` once the broker has it."""

    message: OutgoingMessage
    result_id: str
    line: str
    published: bool = False


class MemoryLedger:
    """`ports.Ledger` and `ports.Archive` in lists. `away` takes the database away."""

    def __init__(self, pipelines: Sequence[PipelineVersion] = ()) -> None:
        self.away = False
        self.versions = list(pipelines)
        self.acks: dict[str, Ack] = {}
        self.due: dict[str, tuple[FrameKey, datetime, float]] = {}
        self.counts: dict[TriggerCount, CountComparison | None] = {}
        self.reviews: list[Review] = []
        self.shadows: dict[str, tuple[Vote, ...]] = {}
        self.marked: dict[str, str] = {}
        self.released: dict[str, tuple[Retention, datetime]] = {}
        self.noted: dict[str, Acknowledgement] = {}
        self.rows: list[PartRow] = []
        self.outbox: list[Posted] = []
        self.seen: dict[tuple[str, str], CameraRow] = {}
        self.losses: list[CameraActivity] = []
        self.events: list[Event] = []
        self.forgotten_at: datetime | None = None
        self.camera_series: list[CameraMinute] = []

    # ------------------------------------------------------------------ ports.Ledger

    async def find(self, identity: PartIdentity) -> StoredVerdict | None:
        self._reach()
        part = next((row.part for row in self.rows if row.part.identity == identity), None)
        if part is None:
            return None
        posted = (each.message for each in self.outbox if each.result_id == part.result_id and each.message.confirms)
        return StoredVerdict(part.result_id, next(posted, None))

    async def candidates(self, key: FrameKey) -> list[PartCandidate]:
        self._reach()
        own = [row.part for row in reversed(self.rows) if row.part.key == key]
        return [PartCandidate(part.result_id, part.identity, part.received_at) for part in own]

    async def open_parts(self, now: datetime, after_gate: timedelta) -> list[OpenPart]:
        self._reach()
        listed = [OpenPart(row.part.result_id, row.part.identity, self._gate_by(row.part)) for row in self.rows]
        return [part for part in listed if part.gate_by + after_gate > now]

    def _gate_by(self, part: PartRecord) -> datetime:
        payloads = (each.message.payload for each in self.outbox if each.message.message_id == part.result_id)
        latest = part.received_at + timedelta(milliseconds=part.deadline_ms)
        return gate_deadline(next(payloads, b"")) or latest

    async def record(self, part: PartRecord, outgoing: Sequence[OutgoingMessage]) -> Recorded:
        if await self.find(part.identity):
            return Recorded.KNOWN
        is_reused = any(row.part.identity.trigger == part.identity.trigger for row in self.rows)
        self.rows.append(PartRow(len(self.rows) + 1, part))
        if part.evidence:
            self.marked.pop(part.evidence.sha256, None)
        self.outbox += [Posted(message, part.result_id, part.key.line) for message in outgoing]
        return Recorded.REUSED if is_reused else Recorded.NEW

    async def add_camera_minutes(self, minutes: Sequence[CameraMinute]) -> None:
        self._reach()
        self.camera_series += minutes

    async def forget_minutes(self, now: datetime) -> None:
        self._reach()
        self.forgotten_at = now

    async def finish_words(self, result_id: str, words: Words, outgoing: Sequence[OutgoingMessage]) -> None:
        self._reach()
        row = self.part(result_id)
        if row is None:
            raise LedgerError(f"no part has result_id {result_id!r}; record the part before its words")
        if row.part.words.state is WordsState.PENDING:
            self._put(replace(row.part, words=words))
            self.outbox += [Posted(message, result_id, row.part.key.line) for message in outgoing]

    async def withdraw(self, result_id: str, decision: Decision, payload: bytes, *, in_time: bool = False) -> bool:
        self._reach()
        its_own = [each for each in self.outbox if each.message.message_id == result_id]
        waiting = [each for each in its_own if in_time or not each.published]
        for posted in waiting:
            posted.message = posted.message._replace(payload=payload)
            row = self.part(result_id)
            assert row is not None
            self._put(replace(row.part, decision=decision, late=not in_time and decision.reason is Reason.DEADLINE))
        for posted in self.outbox if waiting else []:
            if posted.message.message_id == report_id(result_id) and not posted.published:
                report = correct_report(posted.message.payload, payload, decision.detail)
                posted.message = posted.message._replace(payload=report)
        return bool(waiting)

    async def unfinished_words(self, lines: Sequence[str]) -> list[PartRecord]:
        self._reach()
        parts = [row.part for row in self.rows if row.part.key.line in lines]
        return [part for part in parts if part.words.state is WordsState.PENDING]

    async def unpublished(self, lines: Sequence[str] | None, limit: int) -> list[OutgoingMessage]:
        self._reach()
        waiting = [each for each in self.outbox if not each.published]
        return [each.message for each in waiting if lines is None or each.line in lines][:limit]

    async def review_messages(self, lines: Sequence[str] | None, limit: int) -> list[OutgoingMessage]:
        waiting = await self.unpublished(lines, len(self.outbox))
        return [message for message in waiting if message.review is not None][:limit]

    async def confirm(self, message_ids: Sequence[str]) -> None:
        self._reach()
        for posted in self.outbox:
            if posted.message.message_id in message_ids:
                self._publish(posted)

    async def pipelines(self) -> list[PipelineVersion]:
        return self.list_pipelines()

    async def add_camera_activity(self, sightings: Sequence[CameraActivity]) -> None:
        self._reach()
        for sighting in sightings:
            key = (sighting.line, sighting.camera)
            self.seen[key] = _added(self.seen.get(key), sighting)
        self.losses += [sighting for sighting in sightings if sighting.lost]

    async def cameras(self) -> list[CameraRow]:
        return self.list_cameras()

    async def add_events(self, events: Sequence[Event]) -> None:
        self._reach()
        known = {event.event_id for event in self.events}
        self.events += [event for event in events if event.event_id not in known]

    async def newest_runs(self) -> list[NewestRun]:
        self._reach()
        found: dict[tuple[str, str], list[PartRecord]] = {}
        for row in self.rows:
            if row.part.run is not None:
                found.setdefault(row.part.key[:2], []).append(row.part)
        return [_newest_run(*key, parts) for key, parts in sorted(found.items())]

    async def decided_seqs(self, line: str, camera: str, run: int, first: int, last: int) -> list[int]:
        self._reach()
        mine = [row.part for row in self.rows if row.part.key[:2] == (line, camera) and row.part.run == run]
        return sorted({part.seq for part in mine if part.seq is not None and first <= part.seq <= last})

    async def acknowledge(self, ack: Ack) -> Disposition | None:
        self._reach()
        part = next((row.part for row in reversed(self.rows) if _is_named(row.part, ack)), None)
        if part is None:
            return None
        if self.acks.setdefault(part.result_id, ack) is ack:
            self._put(replace(part, state=PartState.ACKNOWLEDGED))
            for posted in self.outbox:
                its_verdict = posted.result_id == part.result_id and posted.message.confirms
                if its_verdict and ack.proves_arrival_of(part.decision.disposition):
                    self._publish(posted)
            self.due.pop(part.result_id, None)
        return part.decision.disposition

    async def unacknowledged(self, lines: Sequence[str] | None, now: datetime) -> list[MissingAck]:
        self._reach()
        mine = {one: due for one, due in self.due.items() if lines is None or due[0].line in lines}
        late = [self.due.pop(one) for one, (_, due_at, _) in mine.items() if due_at <= now]
        return [MissingAck(key, ack_within_ms) for key, _, ack_within_ms in sorted(late)]

    async def add_count(self, count: TriggerCount) -> None:
        self._reach()
        periods = {(known.line, known.camera, known.since, known.until) for known in self.counts}
        if (count.line, count.camera, count.since, count.until) not in periods:
            self.counts[count] = None

    async def compare_counts(self, lines: Sequence[str] | None, before: datetime) -> list[CountComparison]:
        self._reach()
        due = [
            count
            for count, compared in self.counts.items()
            if compared is None and count.at < before and (lines is None or count.line in lines)
        ]
        self.counts |= {count: self._compared(count) for count in due}
        return [compared for count in due if (compared := self.counts[count])]

    async def release_pictures(self, line: str, retention: Retention, now: datetime) -> bool:
        self._reach()
        for sha256 in self._unneeded(line, retention, now):
            self.marked.setdefault(sha256, "DUE")
        self.released[line] = retention, now
        return False

    async def due_pictures(self, limit: int) -> Sequence[str]:
        self._reach()
        unneeded = {sha256 for line, how in self.released.items() for sha256 in self._unneeded(line, *how)}
        due = {sha256 for sha256, mark in self.marked.items() if mark == "DUE"}
        for sha256 in due - unneeded:
            del self.marked[sha256]
        return sorted(due & unneeded)[:limit]

    def _unneeded(self, line: str, retention: Retention, now: datetime) -> set[str]:
        """Return the pictures of this line's parts that nothing needs."""
        horizon = now - timedelta(hours=retention.after_hours)
        reviewed = {review.result_id for review in self.reviews}
        needed = {sha256 for version in self.versions for sha256 in version.golden}
        candidates: set[str] = set()
        for part in (row.part for row in self.rows if row.part.evidence):
            assert part.evidence is not None
            old = part.key.line == line and part.decided_at < horizon and part.result_id not in reviewed
            kept = int(part.evidence.sha256[:8], 16) < retention.pass_pictures * 2**32
            goes = old and not kept and part.decision.disposition is Disposition.PASS
            (candidates if goes else needed).add(part.evidence.sha256)
        return candidates - needed

    async def pictures_removed(self, sha256s: Sequence[str]) -> None:
        self._reach()
        self.marked |= dict.fromkeys(sha256s, "DONE")

    async def add_shadow(self, result_id: str, votes: Sequence[Vote]) -> None:
        self._reach()
        self._known(result_id)
        self.shadows.setdefault(result_id, tuple(votes))

    def _known(self, result_id: str) -> None:
        if self.part(result_id) is None:
            raise LedgerError(f"no part has result_id {result_id!r}; record the part before what was found out later")

    def _publish(self, posted: Posted) -> None:
        row, message, was = self.part(posted.result_id), posted.message, posted.published
        posted.published = True
        if row is None or not message.confirms or was:
            return
        if row.part.state is PartState.DECIDED:
            self._put(replace(row.part, state=PartState.PUBLISHED))
        if message.ack_within_ms is not None and row.part.state is not PartState.ACKNOWLEDGED:
            due_at = utc_now() + timedelta(milliseconds=message.ack_within_ms)
            self.due[row.part.result_id] = (row.part.key, due_at, message.ack_within_ms)

    def _compared(self, count: TriggerCount) -> CountComparison:
        mine = [row.part for row in self.rows if row.part.key[:2] == (count.line, count.camera)]
        counted = [part for part in mine if count.since <= (part.captured_at or part.received_at) < count.until]
        stamped = sorted((part.captured_at, part.received_at) for part in counted if part.captured_at)
        behind = stamped[0][1] - stamped[0][0] if stamped else timedelta(0)
        gaps = [
            gap for loss in self.losses if (loss.line, loss.camera) == (count.line, count.camera) for gap in loss.gaps
        ]
        lost = sum(gap.frames for gap in gaps if count.since <= gap.at - behind < count.until)
        return CountComparison(count, len(counted), lost)

    # ------------------------------------------------------------------ ports.Archive

    def parts(self, wanted: PartFilter, limit: int) -> list[PartRow]:
        self._reach()
        named = [] if wanted.before is None else [wanted.before]
        named += [wanted.after] if wanted.after else []
        ends = {number: self._key(number, wanted.sort) for number in named}
        rows = [row for row in self.rows if row.part.p_ng is not None or not wanted.sort.is_by_p_ng]
        keyed = sorted((_key(row, wanted.sort), row) for row in rows if _fits(row, wanted, self.reviews))
        fitting = [
            _without_texts(row)
            for key, row in keyed
            if (wanted.before is None or key < ends.get(wanted.before, (0, wanted.before)))
            and (wanted.after is None or key > ends.get(wanted.after, (0, wanted.after)))
        ]
        page = fitting[:limit] if wanted.starts_low else fitting[max(len(fitting) - limit, 0) :]
        return [self._pictured(row) for row in (page if wanted.sort.is_rising else page[::-1])]

    def _key(self, number: int, sort: PartSort) -> tuple[float, int]:
        row = next((row for row in self.rows if row.number == number), None)
        if not sort.is_by_p_ng:
            return (0, number)
        if row is None or row.part.p_ng is None:
            raise NotFoundError(f"no part with a p(NG) has the number {number}")
        return _key(row, sort)

    def part(self, result_id: str) -> PartRow | None:
        self._reach()
        return next((self._pictured(row) for row in self.rows if row.part.result_id == result_id), None)

    def heat_map(self, result_id: str) -> HeatMap | None:
        row = self.part(result_id)
        if not row or not row.part.opinion or not row.part.evidence or row.part.evidence.is_removed:
            return None
        return row.part.opinion.heat

    def _pictured(self, row: PartRow) -> PartRow:
        """Return the row with what became of its picture."""
        evidence = row.part.evidence
        if evidence is None or self.marked.get(evidence.sha256) != "DONE":
            return row
        return row._replace(part=replace(row.part, evidence=replace(evidence, is_removed=True)))

    def totals(self, since: datetime, lines: Sequence[str] | None = None) -> Totals:
        self._reach()
        since = counted_since(since, utc_now())
        seen = [row.part for row in self.rows if lines is None or row.part.key.line in lines]
        losses = [loss for loss in self.losses if lines is None or loss.line in lines]
        waiting = [each for each in self.outbox if not each.published]
        recent = [part for part in seen if part.decided_at >= since]
        counts = [0] * BUCKETS
        for part in recent:
            counts[bucket_of(part.latency_ms)] += bool(part.votes)
        return Totals(
            since=since,
            parts=_outcomes(recent),
            unjudged=_outcomes(part for part in recent if not part.votes),
            outbox=sum(lines is None or each.message.topic.split("/")[-3] in lines for each in waiting),
            lost=sum(gap.frames for loss in losses for gap in loss.gaps if gap.at >= since),
            latency_p50_ms=quantile_ms(counts, 0.50),
            latency_p99_ms=quantile_ms(counts, 0.99),
            votes_mean=sum(len(part.votes) for part in recent) / len(recent) if recent else None,
        )

    def list_cameras(self) -> list[CameraRow]:
        self._reach()
        return [self.seen[key] for key in sorted(self.seen)]

    def reviews_of(self, numbers: Sequence[int]) -> dict[int, PartReviews]:
        self._reach()
        found: dict[int, PartReviews] = {}
        for row in (row for row in self.rows if row.number in numbers):
            mine = [review for review in self.reviews if review.result_id == row.part.result_id]
            if mine:
                found[row.number] = PartReviews(truth_of(mine), tuple(mine))
        return found

    def event_page(self, wanted: EventFilter, limit: int) -> list[EventRow]:
        self._reach()
        rows = [EventRow(number, event, self.noted.get(event.event_id)) for number, event in enumerate(self.events, 1)]
        fitting = [row for row in rows if _is_wanted(row, wanted)]
        return (fitting[:limit] if wanted.after is not None else fitting[max(0, len(fitting) - limit) :])[::-1]

    def event(self, event_id: str) -> EventRow | None:
        return next((row for row in self.event_page(EventFilter(), 10**6) if row.event.event_id == event_id), None)

    def acknowledge_event(self, event_id: str, given: Acknowledgement) -> Acknowledgement | None:
        return self.noted.setdefault(event_id, given) if self.event(event_id) else None

    def fingerprint(self, line: str, camera: str | None = None) -> str | None:
        own = [row.part.pipeline.fingerprint for row in self.rows if row.part.key.line == line]
        return own[-1] if own else None

    def change_status(self, change: StatusChange) -> None:
        live = next((each for each in self.list_pipelines() if each.pipeline.line == change.line), None)
        if live is not None and change.seen not in (None, SeenLine.of(live)):
            raise StaleError(f"{change.line}: somebody set it {live.status.state} meanwhile; look at it and repeat")
        self.versions = [
            each._replace(status=_changed(each.status, change)) if each.pipeline.line == change.line else each
            for each in self.versions
        ]

    def list_pipelines(self) -> list[PipelineVersion]:
        self._reach()
        newest = {version.pipeline.line: version for version in sorted(self.versions, key=lambda each: each.version)}
        return [newest[line] for line in sorted(newest)]

    def _reach(self) -> None:
        if self.away:
            raise LedgerError("the database is away")

    def _put(self, part: PartRecord) -> None:
        self.rows = [row._replace(part=part) if row.part.result_id == part.result_id else row for row in self.rows]


class MemoryEvidence:
    """`ports.EvidenceStore` in a dict. `full` fills the disk."""

    def __init__(self) -> None:
        self.full = False
        self.pictures: dict[str, bytes] = {}

    def put(self, data: bytes, media_type: str) -> Evidence:
        if self.full:
            raise LedgerError("no space left for pictures")
        sha256 = hashlib.sha256(data).hexdigest()
        self.pictures[sha256] = data
        return Evidence(sha256, media_type, len(data))

    def get(self, sha256: str) -> bytes:
        return self.pictures[sha256]

    def remove(self, sha256: str) -> None:
        self.pictures.pop(sha256, None)


def _changed(status: LineStatus, change: StatusChange) -> LineStatus:
    number = status.number + (change.state is not None)
    return LineStatus(change.state or status.state, status.rights + change.rights, number=number)


def _newest_run(line: str, camera: str, parts: Sequence[PartRecord]) -> NewestRun:
    run = parts[-1].run
    assert run is not None
    first = min(part.seq for part in parts if part.run == run and part.seq is not None)
    return NewestRun(line, camera, run, first, max(part.run for part in parts if part.run is not None))


def _added(row: CameraRow | None, seen: CameraActivity) -> CameraRow:
    if row is None:
        return CameraRow(
            seen.line,
            seen.camera,
            seen.known,
            seen.status,
            seen.at,
            seen.at,
            seen.frames,
            seen.lost,
            seen.last_seq,
            seen.run,
            seen.resent,
            seen.retained,
        )
    return replace(
        row,
        known=seen.known,
        status=seen.status if seen.status is not None else row.status,
        last_seen=max(row.last_seen, seen.at),
        frames=row.frames + seen.frames,
        lost=row.lost + seen.lost,
        last_seq=seen.last_seq if seen.last_seq is not None else row.last_seq,
        run=seen.run if seen.run is not None else row.run,
        resent=row.resent + seen.resent,
        retained=row.retained + seen.retained,
    )


def _outcomes(parts: Iterable[PartRecord]) -> dict[tuple[str, str, str], int]:
    return dict(Counter((part.key.line, str(part.decision.disposition), str(part.decision.reason)) for part in parts))


def _is_named(part: PartRecord, ack: Ack) -> bool:
    if ack.result_id is None:
        return part.key == ack.key
    return (part.key[:2], part.result_id) == (ack.key[:2], ack.result_id)


def _key(row: PartRow, sort: PartSort) -> tuple[float, int]:
    return (row.part.p_ng or 0.0) if sort.is_by_p_ng else 0, row.number


def _fits(row: PartRow, wanted: PartFilter, reviews: Sequence[Review]) -> bool:
    part = row.part
    by_review = _is_reviewed(wanted, [each for each in reviews if each.result_id == part.result_id])
    has = (part.key.line, part.key.camera, part.decision.disposition, part.decision.reason)
    named = {"trigger_id": part.key.trigger_id, "part_id": part.part_id, "lot": part.lot}
    same = all(want in (None, value) for want, value in zip(wanted[:4], has, strict=True)) and by_review
    same = same and all(getattr(wanted, name) in (None, value) for name, value in named.items())
    same = same and (wanted.lines is None or part.key.line in wanted.lines) and _is_within(part, wanted)
    return same and wanted.defect in (None, *(finding.defect for finding in part.words.findings))


def _is_within(part: PartRecord, wanted: PartFilter) -> bool:
    """Whether the part was decided in the span of time, with a p(NG) in the range."""
    in_time = wanted.since is None or wanted.since <= part.decided_at
    in_time = in_time and (wanted.until is None or part.decided_at < wanted.until)
    if wanted.p_min is None and wanted.p_max is None:
        return in_time
    low, high = (wanted.p_min or 0.0), (1.0 if wanted.p_max is None else wanted.p_max)
    return in_time and part.p_ng is not None and low <= part.p_ng <= high


def _is_wanted(row: EventRow, wanted: EventFilter) -> bool:
    event = row.event
    same = all(getattr(wanted, name) in (None, getattr(event, name)) for name in ("line", "camera", "kind", "severity"))
    noted = wanted.acknowledged in (None, row.acknowledgement is not None)
    in_time = (wanted.since is None or event.at >= wanted.since) and (wanted.until is None or event.at < wanted.until)
    seen = wanted.lines is None or event.line in wanted.lines
    newer = wanted.after is None or row.number > wanted.after
    return same and noted and in_time and seen and newer and (wanted.before is None or row.number < wanted.before)


def _is_reviewed(wanted: PartFilter, reviews: Sequence[Review]) -> bool:
    state = truth_of(reviews).state if reviews else TruthState.WITHDRAWN
    return {
        None: True,
        ReviewFilter.NONE: state is TruthState.WITHDRAWN,
        ReviewFilter.ANY: state is not TruthState.WITHDRAWN,
        ReviewFilter.MINE: any(review.reviewer == wanted.reviewer for review in reviews),
        ReviewFilter.DISPUTED: state is TruthState.DISPUTED,
    }[wanted.review]


def _without_texts(row: PartRow) -> PartRow:
    return row._replace(part=replace(row.part, votes=tuple(replace(vote, text="") for vote in row.part.votes)))

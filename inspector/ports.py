"""The seams of the story: what it needs from the doors, in its own words. A port, its adapter and its fake
share one name (`Ledger` here, `ledger/` the database, `MemoryLedger` in tests/fakes.py)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from inspector.accounts import Ack, Balance, Comparison, Gap, TriggerCount, Unacknowledged
from inspector.decision import Decision
from inspector.frame import Claim, Frame, FrameKey
from inspector.metrics import Counted, EventKind, Outcome, Stretch, Waiting
from inspector.part import Evidence, PartRecord
from inspector.patches import PatchMap
from inspector.pipeline import Disposition, Pipeline, Quality, Retention
from inspector.quality import Measurements
from inspector.report import Box, JsonSchema, Words
from inspector.review import Review
from inspector.view import Question
from inspector.vote import Opinion, StoppedBy, Vote


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Picture:
    """An encoded picture (JPEG, PNG, BMP, TIFF or WebP bytes, already checked), or a part of it: `crop` is cut
    out at native resolution."""

    data: bytes
    crop: Box | None = None


# ------------------------------------------------------------------ camera/


class Eye(Protocol):
    """Turns bytes into measurements within limits. Called in a worker thread."""

    def look(self, frame: Frame, rules: Quality) -> Measurements:
        """Raises PictureError, with a reason for the line engineer, when the picture can't be judged."""

    def fetch(self, claim: Claim) -> bytes:
        """The picture of a claim check. Raises PictureError when it can't be had or is another one."""


# ------------------------------------------------------------------ vlm/


class Prefix(Protocol):
    """Pictures and preamble, encoded once and kept. `tokens` counts them; `window` is the part of the last picture
    that is shown: more than its `crop` where that is too small for the card's zoom."""

    @property
    def tokens(self) -> int: ...

    @property
    def window(self) -> Box: ...


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to the index-th question. `p_ng` is None when it could not be read; `text` is what was sampled;
    `p_true` how likely the model holds it to be right, None where it was not asked or said something else."""

    index: int
    p_ng: float | None
    tokens: int
    text: str
    p_true: float | None = None


class Text(NamedTuple):
    """Text the model wrote, and how many tokens that took."""

    text: str
    tokens: int


class Engine(Protocol):
    """One model. All methods are safe to call for many parts at once; failing one never changes another.

    Raises ModelError when the model can't answer.
    """

    @property
    def fingerprint(self) -> str:
        """Hash of weights, preprocessing, dtype and engine: 16 hex."""

    async def open(self, pictures: Sequence[Picture], preamble: str) -> Prefix:
        """Encodes the pictures and the preamble once. Raises PictureError for an unreadable picture."""

    def ask(self, prefix: Prefix, questions: Sequence[Question]) -> AsyncGenerator[Answer, None]:
        """Answers as they finish; closing the iterator cancels the rest."""

    async def write(
        self,
        prefix: Prefix,
        request: str,
        *,
        start: str,
        max_tokens: int,
        schema: JsonSchema | None = None,
        urgent: bool = False,
    ) -> Text:
        """Greedy text after `request`; it begins with `start`, which the model is made to say, and keeps to `schema`
        as far as the engine can hold it to one. `urgent`: a verdict waits for it; other text gives way to verdicts."""

    async def features(self, prefix: Prefix) -> PatchMap:
        """The patches of the prefix's last picture as the vision tower saw them when it was opened. Raises ModelError,
        with the remedy, where the engine can't show them."""

    async def close(self, prefix: Prefix) -> None:
        """Frees the prefix. Closing twice is allowed."""


# ------------------------------------------------------------------ pool/


@dataclass(frozen=True, slots=True)
class Job:
    """What one replica needs to judge one frame. `golden` are the golden samples' pictures' sha256;
    `remaining_ms` is what is left for judging when the job is sent; `max_rungs` how far up the ladder it may go (None:
    to its end)."""

    key: FrameKey
    payload: bytes
    pipeline: Pipeline
    golden: tuple[str, ...]
    remaining_ms: float
    seed: int = 0
    max_rungs: int | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the ladder found: votes in the order they were given, and the second opinion where the line wants one.
    `is_short`: the pool was overloaded, and no rung but the first might be asked. `is_bad_image`: the votes would
    pass what does not show the product, as `detail` says, and are left out."""

    votes: tuple[Vote, ...]
    rungs: int
    stopped_by: StoppedBy
    detail: str = ""
    model_fingerprint: str = ""
    opinion: Opinion | None = None
    is_short: bool = False
    is_bad_image: bool = False


@dataclass(frozen=True, slots=True)
class Shadow:
    """The votes of a part's whole ladder, asked after its judgement; none where that could not be finished."""

    votes: tuple[Vote, ...] = ()


class Judged(NamedTuple):
    """A judgement, and what follows it. `words` are None when the part needs none, MISSING when the writer failed;
    `shadow` is None for a part that is none. Awaiting them never raises, and they need not be awaited."""

    judgement: Judgement
    words: Awaitable[Words | None]
    shadow: Awaitable[Shadow | None]


class Pool(Protocol):
    """The model replicas. One remote hop per frame."""

    async def judge(self, job: Job) -> Judged:
        """Raises PoolOverload at once when all replicas are full, PoolError when none could judge it."""


# ------------------------------------------------------------------ ledger/


class Outgoing(NamedTuple):
    """One message for the line, stored with the part. `message_id` is stable over repeats; `topic` is complete.
    `confirms` says that the part counts as PUBLISHED once the broker has this message (the verdict).
    `correlation` is MQTT's correlation data; `ack_within_ms` how soon the gate should acknowledge it."""

    message_id: str
    topic: str
    payload: bytes
    confirms: bool = False
    correlation: bytes | None = None
    ack_within_ms: float | None = None


class PipelineVersion(NamedTuple):
    """A stored version of a declaration. `golden` are sha256 of its golden samples, in declared order."""

    pipeline: Pipeline
    version: int
    golden: tuple[str, ...]


class Known(NamedTuple):
    """What the ledger already holds for a frame key: its id and the verdict message as it was stored."""

    result_id: str
    verdict: Outgoing | None


class Ledger(Protocol):
    """The record of every part. Every method raises LedgerError when the database can't do it.

    `record` and `finish_words` return after the commit; many calls share one transaction (group commit).
    """

    async def find(self, key: FrameKey) -> Known | None:
        """What is stored for this frame, or None: a redelivery is answered, not judged again."""

    async def record(self, part: PartRecord, outgoing: Sequence[Outgoing]) -> bool:
        """Stores part, votes, words, evidence reference and messages in one transaction. False, storing
        nothing, when the key is already decided."""

    async def finish_words(self, result_id: str, words: Words, outgoing: Sequence[Outgoing]) -> None:
        """Adds the words of a part whose words were PENDING, with the messages that carry them."""

    async def withdraw(self, result_id: str, decision: Decision, payload: bytes, *, told: bool = False) -> bool:
        """The part's PASS becomes `decision`, late, and `payload` what its verdict says; False, changing nothing, where
        the broker has that verdict already, or the part is unknown. `told`: the gate was told this in time, while the
        PASS was still being stored, so that it is not late and the broker has it."""

    async def unfinished_words(self, lines: Sequence[str]) -> list[PartRecord]:
        """Parts whose words are still PENDING: after a restart nobody is writing them any more."""

    async def unpublished(self, lines: Sequence[str] | None, limit: int) -> list[Outgoing]:
        """Messages not confirmed by the broker, oldest first. `lines` None means of all lines."""

    async def confirm(self, message_ids: Sequence[str]) -> None:
        """The broker has these messages. Unknown ids are ignored; confirming twice is allowed."""

    async def pipelines(self) -> list[PipelineVersion]:
        """The newest version of every line."""

    async def saw_camera(self, sightings: Sequence[Sighting]) -> None:
        """Adds what was seen of cameras since the last call; a camera seen first is listed as new."""

    async def cameras(self) -> list[CameraRow]:
        """All cameras ever seen."""

    async def add_events(self, events: Sequence[Event]) -> None:
        """Appends events."""

    async def decided_seqs(self, line: str, camera: str, first: int, last: int, since: datetime) -> set[int]:
        """Which numbers from `first` to `last` belong to parts of this camera received since then."""

    async def acknowledge(self, ack: Ack) -> Disposition | None:
        """The gate acted on a part, which is ACKNOWLEDGED from now on. Returns what its verdict had asked for, None
        where there is no such part. The first acknowledgement of a part stays."""

    async def unacknowledged(self, lines: Sequence[str] | None, now: datetime) -> list[Unacknowledged]:
        """Verdicts that the gate should have acknowledged by now; each is told once. `lines` None: of all lines."""

    async def add_count(self, count: TriggerCount) -> None:
        """Keeps what a PLC counted, to be compared later. The same count again changes nothing."""

    async def compare_counts(self, lines: Sequence[str] | None, before: datetime) -> list[Comparison]:
        """Compares the counts that came before this time with the ledger; each once."""

    async def add_shadow(self, result_id: str, votes: Sequence[Vote]) -> None:
        """Keeps the votes of a part's whole ladder beside those that decided it. Those that are there stay."""

    async def add_reviews(self, reviews: Sequence[Review]) -> None:
        """Appends people's answers. Their parts' pictures stay for good."""

    async def release_pictures(self, line: str, retention: Retention, now: datetime) -> Released:
        """Goes on through this line's passed parts, a bounded way, and marks the pictures that it needs no more
        and that no other part and no golden sample needs either."""

    async def pictures_removed(self, sha256s: Sequence[str]) -> None:
        """These marked pictures are gone from the evidence store."""


class Released(NamedTuple):
    """`marked` are pictures that the evidence store may remove now; `more`: there is more to go through."""

    marked: tuple[str, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one station saw of one camera since the last sighting. `known` is False when no pipeline wants it.
    `last_seq` is the number up to which all came or were given up. `status` is online, offline or None (said
    nothing)."""

    line: str
    camera: str
    at: datetime
    known: bool
    frames: int = 0
    gaps: tuple[Gap, ...] = ()
    last_seq: int | None = None
    status: str | None = None

    @property
    def lost(self) -> int:
        return sum(gap.frames for gap in self.gaps)


@dataclass(frozen=True, slots=True)
class CameraRow:
    """A camera with its totals."""

    line: str
    camera: str
    known: bool
    status: str | None
    first_seen: datetime
    last_seen: datetime
    frames: int
    lost: int
    last_seq: int | None


@dataclass(frozen=True, slots=True)
class Event:
    """Something worth telling a person. `kind` is a stable code; `count` how many times it happened."""

    event_id: str
    line: str
    camera: str | None
    kind: str
    severity: str
    text: str
    at: datetime
    count: int = 1


class EvidenceStore(Protocol):
    """Pictures by the sha256 of their bytes. Written before the row that names them. Raises LedgerError."""

    def put(self, data: bytes, media_type: str) -> Evidence:
        """Stores the bytes once; durable when it returns. Called in a worker thread."""

    def get(self, sha256: str) -> bytes:
        """Raises KeyError for an unknown hash."""

    def remove(self, sha256: str) -> None:
        """Removes a picture, unless it was put within the last day: someone may be about to name it. Removing what
        is not there is allowed."""


# ------------------------------------------------------------------ console/


class PartFilter(NamedTuple):
    """Which parts to list; None means any. `before` and `after` are part numbers (paging): only
    older parts, or only newer ones. With `after` a limit keeps the parts nearest to it, without it the newest."""

    line: str | None = None
    camera: str | None = None
    disposition: str | None = None
    reason: str | None = None
    before: int | None = None
    after: int | None = None


class PartRow(NamedTuple):
    """One listed part: its number (grows with time) and the record. Lists leave `votes[].text` out."""

    number: int
    part: PartRecord


class Totals(NamedTuple):
    """Counts since `since`: how many parts per (line, disposition, reason), messages waiting, frames lost."""

    parts: dict[tuple[str, str, str], int]
    outbox: int
    lost: int
    latency_p50_ms: float | None
    latency_p99_ms: float | None
    votes_mean: float | None


class Archive(Protocol):
    """Reading side of the ledger. Synchronous: called in a worker thread. Raises LedgerError."""

    def parts(self, wanted: PartFilter, limit: int) -> list[PartRow]:
        """Newest first."""

    def part(self, result_id: str) -> PartRow | None: ...

    def totals(self, since: datetime) -> Totals: ...

    def list_cameras(self) -> list[CameraRow]: ...

    def list_events(self, limit: int) -> list[Event]:
        """Newest first."""

    def list_pipelines(self) -> list[PipelineVersion]:
        """The newest version of every line."""


# ------------------------------------------------------------------ telemetry/


class Books(Protocol):
    """What metrics are made of: the ledger's own sums. Synchronous: called in a worker thread. Raises LedgerError."""

    def count_parts(self, after: int, until: int) -> Stretch[Outcome, Counted]:
        """Parts numbered above `after` by outcome, those up to `until` apart from the later ones."""

    def count_events(self, after: int, until: int) -> Stretch[EventKind, int]:
        """The same of events: how often each happened."""

    def count_waiting(self) -> list[Waiting]:
        """The outbox of every line where a message waits."""

    def balance(self, line: str, now: datetime, settled: datetime) -> Balance:
        """How the books of this line stand; what came in after `settled` may still be on its way."""

    def list_cameras(self) -> list[CameraRow]: ...

    def list_pipelines(self) -> list[PipelineVersion]: ...


class MetricsPage(Protocol):
    """The page that Prometheus reads."""

    @property
    def media_type(self) -> str: ...

    def render(self) -> bytes:
        """Called in a worker thread. Never raises: what can't be read is left out, and said to be."""


# ------------------------------------------------------------------ mqtt/


class Publisher(Protocol):
    """Sends messages with QoS 1, in the order of the calls."""

    async def publish(self, message: Outgoing) -> None:
        """Returns when the broker has confirmed it. Raises BrokerError when the connection is lost before."""

    async def announce(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Sends something that is not kept for later (events, heartbeats). Raises BrokerError when offline."""

    async def online(self) -> None:
        """Returns when there is a connection and the echoes of an earlier life have come in."""

    def echoes(self) -> Sequence[str]:
        """Ids of our own messages that came back from the broker and are not noted yet: proof that they were
        published, though an earlier life of this process may have died before it could note it."""

    def noted(self, message_ids: Sequence[str]) -> None:
        """The ledger knows that these were published: their echoes are no longer needed."""


class Reception(Protocol):
    """What the intake hands its messages to; called on the event loop."""

    async def inspect(self, frame: Frame) -> None:
        """Returns when the frame may be acknowledged."""

    def hear_status(self, line: str, camera: str, status: str) -> None:
        """A camera says online or offline."""

    async def hear_ack(self, ack: Ack) -> None:
        """A gate says what it did. Returns when the message may be acknowledged."""

    async def hear_count(self, count: TriggerCount) -> None:
        """A PLC says how often it triggered a camera. Returns when the message may be acknowledged."""

    def complain(self, kind: str, text: str, line: str | None = None, camera: str | None = None) -> None:
        """Something came in that can't be read; counted and told to a person."""

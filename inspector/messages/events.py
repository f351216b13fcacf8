"""Every kind of event that the service raises: its severity, its meaning and its remedy. The list is the reference."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from inspector.messages.outgoing import EventSeverity

INFO, WARNING, ALARM = EventSeverity.INFO, EventSeverity.WARNING, EventSeverity.ALARM


class EventDefinition(NamedTuple):
    """One kind of event. `kind` is its stable code on the wire and in the database."""

    kind: str
    severity: str
    meaning: str
    remedy: str


_FROM_CAMERAS: Final = (
    EventDefinition(
        "UNKNOWN_LINE",
        WARNING,
        "Frames arrive for a line that no pipeline declares. They are counted and never judged.",
        "Declare the line in a pipeline and apply it, or correct the camera's topic.",
    ),
    EventDefinition(
        "UNKNOWN_CAMERA",
        WARNING,
        "Frames arrive from a camera that its line does not list under `cameras`.",
        "Add the camera to the line's pipeline, or correct the camera's topic.",
    ),
    EventDefinition(
        "UNKNOWN_TOPIC",
        WARNING,
        "A message arrived on a topic below the root that is not part of the contract.",
        "Correct the sender's topic; `inspector export contract` lists all topics.",
    ),
    EventDefinition(
        "UNREADABLE_MESSAGE",
        WARNING,
        "A message could not be processed at all. It is acknowledged and dropped.",
        "Compare the sender's message with the contract; see the station's log.",
    ),
    EventDefinition(
        "UNREADABLE_FRAME",
        WARNING,
        "A frame-ref is no JSON object. The part is recorded and gets the fail-safe.",
        "Correct the camera's or gateway's message.",
    ),
    EventDefinition(
        "UNREADABLE_NOTICE",
        WARNING,
        "A status, ack or count message lacks what it is about, or that can't be read. It is dropped.",
        "Correct the sender; the event's text names the field.",
    ),
    EventDefinition(
        "BAD_PROPERTY",
        WARNING,
        "A message has a property or field that cannot be read. It is ignored; the part is judged.",
        "Correct the property at the sender; the event's text names the expected form.",
    ),
    EventDefinition(
        "TOPIC_INVALID",
        WARNING,
        "A topic has a level that is no name or trigger_id, or levels too many. The text names it.",
        "Correct the sender's topic; `inspector export contract` lists all topics.",
    ),
    EventDefinition(
        "QOS_TOO_LOW",
        WARNING,
        "A message arrives with QoS 0: the broker may drop it without a trace. It is processed.",
        "Set QoS 1 at the sender.",
    ),
    EventDefinition(
        "REPLY_REFUSED",
        WARNING,
        "A Response-Topic lies outside the camera's own reply topics. The verdict goes to the verdict topic only.",
        "Use a topic below `…/{line}/{camera}/reply/`, or allow its root in INSPECTOR_REPLY_ROOTS.",
    ),
    EventDefinition(
        "PRODUCT_MISMATCH",
        WARNING,
        "A frame names another product than its line's. The part gets the fail-safe.",
        "Change over the line, or list the product's name under `products` in its pipeline.",
    ),
    EventDefinition(
        "TRIGGER_REUSED",
        WARNING,
        "A trigger_id came again with another picture or part_id. While the earlier part is at the gate, neither "
        "passes. Later it is judged as any part, with one event for each run of the counter.",
        "Make trigger ids unique, declare `trigger.unique_by`, or `trigger.resend: same_trigger` for a camera that "
        "encodes again when it resends.",
    ),
    EventDefinition(
        "RETAINED_FRAME",
        WARNING,
        "The broker delivered a stored copy of a message (retain flag). A copy is no part and is never answered.",
        "Publish frames without the retain flag, and remove the copy: publish an empty retained message there.",
    ),
    EventDefinition(
        "SEQUENCE_GAP",
        ALARM,
        "Sequence numbers of a camera never arrived: these frames are lost.",
        "Check the camera's connection, and the broker's queue limit and message size limit.",
    ),
    EventDefinition(
        "COUNTER_RESTARTED",
        WARNING,
        "A camera's `seq` began again, as after a restart or a reset for a new lot. Losses are counted on from there.",
        "None where the camera or its counter was restarted. Else check its power, and who else sends under its name.",
    ),
    EventDefinition(
        "COUNTER_JUMPED",
        WARNING,
        "A camera's `seq` went further ahead than the camera can have counted. The numbers between are not losses.",
        "Check what writes `seq` at the camera or gateway; it must count one up for each frame.",
    ),
    EventDefinition(
        "PICTURE_DRIFT",
        WARNING,
        "A camera's pictures differ in sharpness or brightness from its usual ones, and have for five minutes. Usual "
        "are its first 30 minutes since the start of the station or the last change. Raised once per change.",
        "Check lens and light on the camera's page. If the change was meant, qualify the line anew.",
    ),
    EventDefinition(
        "CLOCK_SKEW",
        WARNING,
        "The camera's clock and this machine's differ, or agree again. Deadlines then count from receipt.",
        "Synchronise the camera's clock (NTP or PTP).",
    ),
    EventDefinition(
        "CLOCK_JUMP",
        WARNING,
        "The clock of this machine was set while the station ran. Running deadlines do not move.",
        "Synchronise this machine's clock smoothly (chrony, ntpd).",
    ),
)
_FROM_THE_GATE: Final = (
    EventDefinition(
        "ACK_MISSING",
        ALARM,
        "The gate did not acknowledge verdicts within `gate.ack_within_ms`.",
        "Check the gate and its connection. Hold its parts until it answers again.",
    ),
    EventDefinition(
        "ACK_UNKNOWN",
        WARNING,
        "The gate acknowledged a part that was never decided.",
        "Correct the trigger_id that the gate sends.",
    ),
    EventDefinition(
        "GATE_DIFFERS",
        ALARM,
        "The gate reports another disposition than the verdict's.",
        "Find that part, then check the gate's program.",
    ),
    EventDefinition(
        "COUNT_DIFFERS",
        ALARM,
        "The PLC counted other triggers than the ledger holds as decided and lost.",
        "See `inspector ledger`. Check the trigger's wiring and the clock that stamps captured_at.",
    ),
    EventDefinition(
        "PASS_WITHDRAWN",
        WARNING,
        "A PASS was not published before its deadline, or its trigger_id named another part meanwhile. The gate and "
        "the ledger got the fail-safe instead.",
        "Check the broker and the network to it, or the trigger ids. Handle the part as the fail-safe says.",
    ),
)
_FROM_PEOPLE: Final = (
    EventDefinition(
        "REVIEW_BACKLOG",
        WARNING,
        "More parts that votes left open wait for people than the line allows, or they wait for longer.",
        "Review them. A line whose backlog grows needs other thresholds or more reviewers.",
    ),
)
_FROM_MODELS: Final = (
    EventDefinition(
        "OVERLOAD",
        ALARM,
        "More parts arrive than can be judged. Only first rungs are asked; undecided or late parts get the fail-safe.",
        "Slow the line, shorten ladders, or add replicas.",
    ),
    EventDefinition(
        "OVERLOAD_OVER",
        INFO,
        "The overload has ended; the text counts shortened and unjudged parts.",
        "None. Inspect the unjudged parts.",
    ),
    EventDefinition(
        "REPLICA_FAILED",
        WARNING,
        "A model replica died or failed over a part. Another replica judges it while time remains.",
        "See the replica's log. Repeated failures point to the GPU, its memory or the model server.",
    ),
    EventDefinition(
        "REPLICA_SILENT",
        WARNING,
        "A model replica gives no sign of life. Another replica is asked as well; the first answer counts.",
        "Check the replica's node and its network. Repeated silence of all replicas points to an overloaded machine.",
    ),
    EventDefinition(
        "MODEL_AWAY",
        ALARM,
        "The model's server can't be reached, refuses, hangs or sends nonsense. Parts get the fail-safe at once.",
        "Check the server and its log; the text holds its words. Its clients wait for it and need no restart.",
    ),
    EventDefinition(
        "MODEL_BACK",
        INFO,
        "The model's server answers again; the text counts the parts that got the fail-safe meanwhile.",
        "None. Inspect these parts.",
    ),
    EventDefinition(
        "UNQUALIFIED",
        ALARM,
        "A live line judges under a fingerprint or policy for which it has no right to pass. No part passes; each gets "
        "the fail-safe. Raised once per line and cause.",
        "Run `inspector qualify LINE`, or go back to the qualified model or version.",
    ),
    EventDefinition(
        "POISON_FRAME",
        ALARM,
        "Two replicas failed over the same picture. It gets the fail-safe and is refused from now on.",
        "Keep the picture and report it to the maintainers of the model.",
    ),
    EventDefinition(
        "RUNG_HARMS",
        WARNING,
        "`inspector learn` found that a rung turns more right verdicts wrong than wrong ones right, and capped it.",
        "Take the rung out of the ladder, or ask it in another way.",
    ),
    EventDefinition(
        "THINKING_HARMS",
        ALARM,
        "`inspector learn` found on reviewed shadow parts that the more tokens the model writes about a part, the less "
        "often its verdict is right. Raised once per learned version.",
        "Take `reasoning: cot` and `budget` out of the ladder, or shorten `max_tokens`. See the curve with "
        "`inspector eval folder --strategy cot-gated`.",
    ),
)
_FROM_THE_STATION: Final = (
    EventDefinition(
        "LEDGER_AWAY",
        ALARM,
        "The database stores no parts. Gates get the fail-safe; frames stay on the broker until it is back.",
        "Check the database and its disk: `inspector check`.",
    ),
    EventDefinition(
        "LEDGER_SLOW",
        WARNING,
        "A commit took longer than a part's deadline. Its gate got REJECT, REVIEW or the fail-safe first.",
        "Check the database's disk and load.",
    ),
    EventDefinition(
        "ANSWERS_NOT_KEPT",
        ALARM,
        "Answers given without the ledger can't be kept on disk. A station killed now may decide those parts again.",
        "Check the space and the permissions of INSPECTOR_DATA; see the event's text.",
    ),
    EventDefinition(
        "RECORD_DIFFERS",
        WARNING,
        "The ledger holds another result for a part than its gate received.",
        "Find the part by the trigger_id in the text; handle it as its gate did.",
    ),
    EventDefinition(
        "EVIDENCE_LOST",
        WARNING,
        "A part's picture could not be stored. The part does not pass.",
        "Check the evidence store: free space, rights, mount.",
    ),
    EventDefinition(
        "EVIDENCE_AWAY",
        ALARM,
        "The object store takes no pictures. They are kept in INSPECTOR_DATA until it does.",
        "Check the object store, its keys and the network; the text holds its words.",
    ),
    EventDefinition(
        "EVIDENCE_BACK",
        INFO,
        "The object store has all pictures again; the text says how many waited at most.",
        "None.",
    ),
    EventDefinition(
        "CLAIMS_SLOW",
        WARNING,
        "Pictures of claim checks come too slowly from one root. Its parts get BAD_IMAGE at once for a while.",
        "Check the server or mount that the text names, and the network between.",
    ),
    EventDefinition(
        "STATION_FULL",
        WARNING,
        "INSPECTOR_WAITING_MIB of frames waited in the station for too long. New frames wait on the broker.",
        "Look for a camera that sends too much; check replicas and database. Raise INSPECTOR_WAITING_MIB for bursts.",
    ),
    EventDefinition(
        "BROKER_UNSTEADY",
        WARNING,
        "The connection to the broker is lost again and again. The text names the cause.",
        "Follow the hint in the text.",
    ),
    EventDefinition(
        "INTERNAL_ERROR",
        WARNING,
        "A part could not be recorded. It is redelivered once, then acknowledged without a record.",
        "Report the station's log to the maintainers. Find the part by its trigger_id.",
    ),
    EventDefinition(
        "REJECT_SHARE",
        ALARM,
        "A new version rejects a share of parts outside the band around the earlier version's share. With "
        "`guard: {action: pause}` the line is paused. The version stays. Raised once per version.",
        "Look at the parts. Go back with `inspector rollback`, or set the line live again with `inspector line live`.",
    ),
    EventDefinition(
        "WEBHOOK_FAILED",
        WARNING,
        "Alarms do not reach INSPECTOR_WEBHOOK_URL. They wait for a day; a refused one is not repeated.",
        "Check the address and the receiver; the text says what it answers. Alarms stay on the events page.",
    ),
    EventDefinition(
        "WEBHOOK_BACK",
        INFO,
        "The receiver of alarms answers again, and gets those that waited.",
        "None.",
    ),
    EventDefinition(
        "PIPELINE_LIVE",
        INFO,
        "A new version of a line's pipeline is in use.",
        "None.",
    ),
)
EVENT_DEFINITIONS: Final[Mapping[str, EventDefinition]] = MappingProxyType(
    {each.kind: each for each in (*_FROM_CAMERAS, *_FROM_THE_GATE, *_FROM_PEOPLE, *_FROM_MODELS, *_FROM_THE_STATION)}
)

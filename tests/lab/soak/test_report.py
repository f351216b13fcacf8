"""A soak's figures from recorded samples."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from inspector.adapters.mqtt.line_client import Exposure, Journey
from inspector.lab.report_files import write_report
from inspector.lab.soak.answers import SoakAnswers
from inspector.lab.soak.chart import draw_soak
from inspector.lab.soak.process_samples import ProcessSample, role_of
from inspector.lab.soak.report import soak_report, warm_up_of
from inspector.lab.soak.run import SoakRecord
from inspector.lab.soak.stored_files import LogSizes, Places, StoredSizes
from inspector.lab.soak.visitor import ConsoleVisitor
from inspector.lab.soak.yesterday import REMOVAL_SLACK_S, OldPicture, overdue
from inspector.messages.examples import NG_PART
from inspector.messages.outgoing import verdict_message
from inspector.utc import utc_now

DURATION_S = 600.0
MIB = 2**20
VERDICT = verdict_message(NG_PART)
STATION = ProcessSample(0.0, 7, "station", True, 300.0, 60, 30)
RAYLET = ProcessSample(0.0, 8, "Ray raylet", False, 40.0, 90, 20)


def answers(slower_ms_a_minute: float = 0.0, seconds: int = int(DURATION_S)) -> SoakAnswers:
    found = SoakAnswers()
    found.add(
        [
            Journey(
                "chaos",
                Exposure(f"t-{number}", b""),
                1000.0 + number,
                True,
                [(1000.0 + number + 0.050 + slower_ms_a_minute * number / 60_000.0, VERDICT)],
            )
            for number in range(seconds)
        ],
        1000.0,
    )
    return found


def recorded(**changed: Any) -> SoakRecord:
    """A run in which nothing grows that should not."""
    times = [2.0 * place for place in range(int(DURATION_S / 2))]
    logs = LogSizes(MIB, MIB // 5, MIB // 2, 3)
    sizes = [
        StoredSizes(at_s, int(MIB + 2000 * at_s), 2 * MIB, logs, int(at_s))
        for at_s in range(0, int(DURATION_S) + 1, 30)
    ]
    processes = [replace(each, at_s=at_s) for at_s in times for each in (STATION, RAYLET)]
    record = SoakRecord(1000.0, DURATION_S, 34.0, answers(), processes, sizes)
    pictures = {"first_pictures": {"old": MIB, "always": MIB}, "last_pictures": {"new": MIB, "always": MIB}}
    return replace(record, **pictures | changed)


def growing(sample: ProcessSample, **a_minute: float) -> list[ProcessSample]:
    def at(at_s: float) -> ProcessSample:
        changes: dict[str, Any] = {name: getattr(sample, name) + each * at_s / 60.0 for name, each in a_minute.items()}
        return replace(sample, at_s=at_s, **changes)

    return [at(2.0 * place) for place in range(int(DURATION_S / 2))]


def test_a_run_in_which_nothing_grows_is_flat() -> None:
    document = soak_report(recorded())
    assert (document["problems"], document["flat"]) == ([], True)
    assert document["warm_up_s"] == 246.0
    assert [row["name"] for row in document["processes"]] == ["station", "Ray raylet"]
    assert document["latency"]["by_minute"][0] == {"minute": 1, "parts": 60, "p50_ms": 50.0, "p99_ms": 50.0}
    assert document["database"] == {"mib": 2.1, "bytes_a_part": [2000.0, 2000.0], "in_proportion": True}
    assert document["evidence"]["removed_mib"] == document["evidence"]["written_mib"] == 1.0


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"processes": growing(STATION, memory_mib=1.1)}, "station: memory_mib grows by +1.100 a minute"),
        ({"processes": growing(STATION, handles=2.0)}, "station: handles grows by +2.000 a minute"),
        ({"processes": growing(STATION, threads=1.0)}, "station: threads grows by +1.000 a minute"),
        ({"processes": growing(RAYLET, memory_mib=1.0)}, "Ray raylet: memory_mib grows by +1.000 a minute"),
        ({"answers": answers(slower_ms_a_minute=4.0)}, "latency grows by +4.00 ms a minute"),
        ({"answers": replace(answers(), unanswered=1)}, "1 of 601 frames have no verdict"),
        ({"overdue": 5}, "5 pictures stay although their retention has ended"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_what_grows_is_named(changed: dict[str, Any], problem: str) -> None:
    document = soak_report(recorded(**changed))
    assert not document["flat"]
    assert [each for each in document["problems"] if each.startswith(problem)], document["problems"]


def test_a_database_that_grows_faster_than_its_parts_is_named() -> None:
    sizes = [replace(each, database=int(each.at_s**2)) for each in recorded().sizes]
    assert "the database grows faster" in soak_report(recorded(sizes=sizes))["problems"][0]


def test_a_log_beyond_its_limit_is_named() -> None:
    sizes = [replace(each, logs=LogSizes(3 * MIB, MIB, 2 * MIB, 0)) for each in recorded().sizes]
    assert soak_report(recorded(sizes=sizes))["problems"] == ["a process logged 2.0 MiB; the limit is 1"]


def test_a_process_that_ended_is_named() -> None:
    died = [replace(STATION, at_s=at_s, pid=6) for at_s in (0.0, 2.0, 4.0)]
    assert soak_report(recorded(processes=[*died, *recorded().processes]))["problems"] == [
        "station (process 6) ended during the run"
    ]


def test_an_api_that_does_not_answer_is_named() -> None:
    visit = ConsoleVisitor("http://127.0.0.1:1/", "chaos")
    visit.took_ms, visit.refused = [5.0, 7.0], visit.refused + type(visit.refused)({"parts": 2})
    document = soak_report(recorded(visit=visit))
    assert document["problems"] == ["the API did not answer parts 2 time(s)"]
    assert (document["people"]["requests"], document["people"]["p99_ms"]) == (2, 7.0)


def test_a_run_of_seconds_judges_only_what_it_can() -> None:
    short = recorded(duration_s=4.0, processes=[replace(STATION, at_s=0.0), replace(STATION, at_s=2.0)])
    document = soak_report(replace(short, answers=answers(seconds=4), sizes=short.sizes[:1]))
    assert document["processes"][0]["trends"]["memory_mib"] is None
    assert document["database"]["in_proportion"] is None
    assert document["flat"]


@pytest.mark.parametrize(
    ("rate", "minutes", "warm_up_s"),
    [(34.0, 10.0, 246.0), (34.0, 30.0, 588.2), (100.0, 60.0, 300.0)],
)
def test_the_warm_up_lasts_until_nothing_more_is_remembered(rate: float, minutes: float, warm_up_s: float) -> None:
    assert warm_up_of(rate, 60.0 * minutes) == pytest.approx(warm_up_s, abs=0.1)


def test_it_is_drawn(tmp_path: Path) -> None:
    record = recorded()
    document = soak_report(record)
    write_report({"soak.png": lambda figure: draw_soak(figure, record, document)}, tmp_path)
    assert (tmp_path / "soak.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("command_line", "name", "is_own"),
    [
        (["ray::ServeReplica:chaos-stations:Station"], "station", True),
        (["ray::ServeReplica:chaos-models:Model"], "model replica", True),
        (["/usr/bin/python3", "-c", "from inspector.cli.app import main; main()", "serve"], "inspector serve", True),
        (["/usr/sbin/mosquitto", "-c", "broker.conf"], "broker", False),
        (["/opt/tools/other", "/etc/other.conf"], "other other.conf", False),
    ],
)
def test_processes_are_named(command_line: list[str], name: str, *, is_own: bool) -> None:
    assert role_of(command_line) == (name, is_own)


def test_sizes_of_files(tmp_path: Path) -> None:
    places = Places(tmp_path / "data" / "inspector.db", tmp_path / "data" / "evidence", tmp_path / "data" / "logs")
    files = {
        "data/inspector.db": 100, "data/inspector.db-wal": 50, "data/evidence/ab/cd/abcd.jpg": 7,
        "data/logs/station-0.log": 30, "data/logs/station-0.log.1": 40, "data/logs/console.log": 60,
    }  # fmt: skip
    for name, size in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(bytes(size))
    assert places.pictures() == {"abcd": 7}
    sizes = places.sizes(1.0, 3, places.pictures())
    assert (sizes.database, sizes.evidence, sizes.answered) == (150, 7, 3)
    assert sizes.logs == LogSizes(130, 60, 70, 1)


def test_pictures_are_overdue_once_a_removal_has_come_by() -> None:
    now = utc_now()
    long_due, just_due = now - timedelta(seconds=2 * REMOVAL_SLACK_S), now
    pictures = [
        OldPicture("a", 1, long_due, False),
        OldPicture("b", 1, just_due, False),
        OldPicture("c", 1, long_due, True),
    ]
    assert [each.sha256 for each in overdue(pictures, {"a", "b", "c"}, now)] == ["a"]
    assert overdue(pictures, {"b", "c"}, now) == []

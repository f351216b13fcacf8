"""The journal of answers on disk: what a killed process left is there for the next one."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.fakes import a_part

from inspector.adapters.ledger import FileAnswerJournal
from inspector.adapters.ledger.answer_journal import ALLOCATED_BYTES
from inspector.errors import LedgerError
from inspector.ports.answers import AnsweredPart
from inspector.ports.broker import OutgoingMessage


def answered(trigger: str) -> AnsweredPart:
    part = a_part(trigger)
    return AnsweredPart(part, [OutgoingMessage(part.result_id, "plant/verdict", b'{"a": 1}', True, b"\xff\x00", 50.0)])


def left_by_a_dead_process(folder: Path, *triggers: str) -> None:
    """Write in a process of its own that is killed, as the station is."""
    pid = os.fork()
    if pid == 0:
        FileAnswerJournal(folder, 0).write([answered(each) for each in triggers], [])
        os.kill(os.getpid(), signal.SIGKILL)
    assert os.waitpid(pid, 0)[1] == signal.SIGKILL


@contextmanager
def no_file_grows() -> Iterator[None]:
    """A full disk, as far as one process can see."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_what_a_killed_process_answered_is_read_whole_by_the_next_one(tmp_path: Path) -> None:
    left_by_a_dead_process(tmp_path, "t-1", "t-2")
    assert FileAnswerJournal(tmp_path, 0).read() == [answered("t-1"), answered("t-2")]


def test_what_was_taken_over_survives_the_next_death_too(tmp_path: Path) -> None:
    left_by_a_dead_process(tmp_path, "t-1")
    second = FileAnswerJournal(tmp_path, 0)
    second.read()
    second.write([answered("t-2")], [])
    second.close()
    assert FileAnswerJournal(tmp_path, 0).read() == [answered("t-1"), answered("t-2")]
    assert len(list(tmp_path.iterdir())) == 1


def test_recorded_parts_are_dropped_and_the_file_starts_over(tmp_path: Path) -> None:
    journal = FileAnswerJournal(tmp_path, 0)
    for number in range(50):
        journal.write([answered(f"t-{number}")], [])
        journal.write([], [answered(f"t-{number}").part.result_id])
    journal.write([answered("last")], [])
    [file] = tmp_path.iterdir()
    assert file.stat().st_size == ALLOCATED_BYTES
    journal.close()
    assert FileAnswerJournal(tmp_path, 0).read() == [answered("last")]


def test_file_is_removed_when_nothing_is_left_to_record(tmp_path: Path) -> None:
    journal = FileAnswerJournal(tmp_path, 0)
    journal.write([answered("t-1")], [])
    journal.write([], [answered("t-1").part.result_id])
    journal.close()
    assert list(tmp_path.iterdir()) == []


def test_other_stations_and_processes_that_still_run_keep_their_files(tmp_path: Path) -> None:
    other, running = FileAnswerJournal(tmp_path, 10), FileAnswerJournal(tmp_path, 1)
    other.write([answered("t-10")], [])
    running.write([answered("t-1")], [])
    other.close()
    assert FileAnswerJournal(tmp_path, 1).read() == []
    assert FileAnswerJournal(tmp_path, 10).read() == [answered("t-10")]


def cut(data: bytearray) -> None:
    del data[data.index(b"\n", data.index(b"\n") + 1) - 5 :]


def damaged(data: bytearray) -> None:
    data[data.index(b"\n") + 40] ^= 1


def unreadable(data: bytearray) -> None:
    data[:] = os.urandom(5000)


@pytest.mark.parametrize(("spoil", "left"), [(cut, ["t-1"]), (damaged, ["t-1"]), (unreadable, [])])
def test_damaged_file_gives_what_was_written_before_the_damage(
    tmp_path: Path, spoil: Callable[[bytearray], None], left: list[str]
) -> None:
    left_by_a_dead_process(tmp_path, "t-1", "t-2")
    [file] = tmp_path.iterdir()
    data = bytearray(file.read_bytes())
    spoil(data)
    file.write_bytes(data)
    assert FileAnswerJournal(tmp_path, 0).read() == [answered(each) for each in left]


def test_failed_write_is_an_error_with_a_remedy_and_is_made_up_for(tmp_path: Path) -> None:
    journal = FileAnswerJournal(tmp_path, 0)
    journal.write([answered("t-1")], [])
    with no_file_grows(), pytest.raises(LedgerError, match="INSPECTOR_DATA"):
        journal.write([answered("t-2")], [])
    journal.write([answered("t-3")], [])
    journal.close()
    read = FileAnswerJournal(tmp_path, 0).read()
    assert [each.part.key.trigger_id for each in read] == ["t-1", "t-2", "t-3"]


def test_folder_that_can_not_be_made_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LedgerError, match="INSPECTOR_DATA"):
        FileAnswerJournal(tmp_path / "file" / "answers", 0).read()


def test_only_its_user_can_read_the_file(tmp_path: Path) -> None:
    FileAnswerJournal(tmp_path, 0).write([answered("t-1")], [])
    [file] = tmp_path.iterdir()
    assert file.stat().st_mode & 0o077 == 0

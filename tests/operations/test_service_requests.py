"""Commands ask a real service over HTTP: jobs are followed, refusals are told in its own words."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from support.browser_pages import ServedConsole
from support.challenges import ChallengedLine, challenged_line
from support.console_api import line_services_of, sql_access, sql_services
from typer.testing import CliRunner, Result

from inspector.access.roles import parse_roles
from inspector.access.tokens import TokenRequest, Tokens
from inspector.adapters.ledger import SqlPeople
from inspector.cli.app import app
from inspector.errors import InspectorError
from inspector.lines.jobs import JobProgress
from inspector.operations.service_client import TOKEN_FILE, ServiceAddress, service_client
from inspector.settings import Settings

TAUGHT: Final = {
    "line": "pcb",
    "refused": "",
    "advice": "assist",
    "used": {"ok": 20, "ng": 12, "groups": 32},
    "grouped_by": "lot",
    "members": ["memory", "patch head"],
    "measured": {
        "escape": {"found": 0, "parts": 3, "value": 0.0, "low": 0.0, "high": 0.708},
        "overkill": {"found": 1, "parts": 9, "value": 0.111, "low": 0.003, "high": 0.482},
    },
    "auroc": 0.9,
    "curve": [],
    "price": {"parts": 30, "moved": {"PASS to REVIEW": 2}},
    "without_picture": 0,
    "left_out_for_challenge_set": 0,
    "left_out": [],
    "new_version": None,
    "missing": ["18 more NG parts"],
    "second_opinion": {"by": "taught"},
}


class Service(NamedTuple):
    """A console on a port of its own, the line that it may qualify, and the data folder of the commands.

    A line is taught what the last of `reports` says, and can't be taught without one.
    """

    console: ServedConsole
    line: ChallengedLine
    data: Path
    reports: list[dict[str, Any]]

    def run(self, *words: str) -> Result:
        environment = {"INSPECTOR_DATA": str(self.data), "INSPECTOR_DATABASE_URL": self.line.url}
        return CliRunner().invoke(app, [*words, "--url", self.console.address], env=environment)

    def refusal(self, *words: str) -> str:
        """What the command is refused with; `main` prints it and exits 1."""
        error = self.run(*words).exception
        assert isinstance(error, InspectorError), error
        return str(error)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with challenged_line(tmp_path) as line, closing(SqlPeople(line.url)) as people:
        changes = line_services_of(line.url, tmp_path, line.model)
        jobs = replace(changes.qualification_jobs, fingerprints_of=lambda _version: line.fingerprints)
        reports: list[dict[str, Any]] = []
        taught = replace(changes.teaching, teach=lambda _line, progress: _taught(reports, progress))
        served = sql_services(line.url, tmp_path, line.model)
        served = replace(
            served,
            changes=replace(changes, qualification_jobs=jobs, teaching=taught),
            access=sql_access(line.url, None),
        )
        data = tmp_path / "data"
        data.mkdir()
        for name, role in ((TOKEN_FILE, "engineer"), ("viewer.token", "viewer")):
            token = Tokens(people).create(TokenRequest(name, parse_roles([role])), "ann")
            (data / name).write_text(token.secret + "\n")
        console = ServedConsole(served)
        yield Service(console, line, data, reports)
        changes.jobs.close()
        console.end()


def _taught(reports: list[dict[str, Any]], progress: JobProgress) -> dict[str, Any]:
    progress.report(1, 2)
    if not reports:
        raise InspectorError("pcb cannot be taught: it has no reviewed part")
    return reports[-1]


def test_qualify_follows_a_job_of_the_service(service: Service) -> None:
    service.line.add([0.99] * 20, is_ng=True)
    service.line.add([0.01] * 5, is_ng=False)
    told = service.run("qualify", "pcb", "--reason", "first", "--json")
    assert told.exit_code == 0, told.output
    result = json.loads(told.stdout)
    assert (result["passed"], result["recorded"], result["line"]) == (True, True, "pcb")
    shown = service.run("qualify", "pcb")
    assert "pcb version 1 is qualified" in " ".join(shown.output.split())


def test_refused_qualification_exits_1_with_what_is_missing(service: Service) -> None:
    service.line.add([0.99] * 2, is_ng=True)
    told = service.run("qualify", "pcb")
    assert told.exit_code == 1
    assert "pcb version 1 is refused" in " ".join(told.output.split())


def test_refusals_are_told_in_the_services_own_words(service: Service) -> None:
    assert "nowhere" in service.refusal("qualify", "nowhere")
    viewer = service.refusal("qualify", "pcb", "--token-file", str(service.data / "viewer.token"))
    assert "is not engineer" in viewer
    assert "cam1" in service.refusal("camera", "test", "pcb", "cam1")
    (service.data / TOKEN_FILE).unlink()
    assert "inspector token create" in service.refusal("qualify", "pcb")
    assert service.run("qualify", "pcb", "--dry-run").exit_code == 2


@pytest.mark.parametrize("refused", ["", "a known NG part would pass"])
def test_teach_follows_a_job_of_the_service(service: Service, refused: str) -> None:
    service.reports.append(TAUGHT | {"refused": refused})
    told = service.run("teach", "pcb", "--json")
    assert (told.exit_code, json.loads(told.stdout)["refused"]) == (1 if refused else 0, refused)
    shown = service.run("teach", "pcb")
    assert shown.exit_code == told.exit_code
    said = " ".join(shown.output.split())
    assert "taught with 20 OK and 12 NG parts of 32 groups, grouped by lot" in said
    assert "newest fifth: escape 0 of 3 (0.0% … 70.8%), overkill 1 of 9 (0.3% … 48.2%)" in said
    assert "that would have ended otherwise, of 30: 2 from PASS to REVIEW" in said
    assert "missing: 18 more NG parts" in said
    assert ("refused: a known NG part would pass" in said) == bool(refused)
    assert ('second_opinion: {"by": "taught"}' in said) != bool(refused)


def test_the_service_teaches_in_its_own_way(service: Service) -> None:
    assert "cannot be taught" in service.refusal("teach", "pcb")
    assert "nowhere" in service.refusal("teach", "nowhere")
    for option in ("--dry-run", "--model-only"):
        assert service.run("teach", "pcb", option).exit_code == 2


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("http://plant.example:8080", "would carry the token in the clear"),
        ("https://[::1", "is no web address"),
        ("127.0.0.1:8080", "would carry the token in the clear"),
    ],
)
def test_token_is_sent_to_no_address_that_others_read(tmp_path: Path, url: str, complaint: str) -> None:
    (tmp_path / TOKEN_FILE).write_text("secret\n")
    with pytest.raises(InspectorError, match=complaint), service_client(Settings(data=tmp_path), ServiceAddress(url)):
        pass


def test_service_that_does_not_answer_is_named_with_the_remedy(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with (
        service_client(Settings(data=tmp_path), ServiceAddress(url)) as client,
        pytest.raises(InspectorError, match=r"no service answers at .*; start inspector serve"),
    ):
        client.post("/lines/pcb/qualifications", {})

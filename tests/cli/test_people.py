"""`inspector user`, `token` and `audit` as people run them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from support.databases import execute
from typer.testing import CliRunner, Result

from inspector.cli.app import app

Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.setenv("INSPECTOR_DATA", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    def invoke(*words: str, stdin: str | None = None) -> Result:
        return CliRunner().invoke(app, list(words), input=stdin)

    return invoke


def test_first_administrator_is_added_before_the_service_ever_ran(run: Run) -> None:
    added = run("user", "add", "ann", "--role", "admin", "--generate", "--json")
    assert added.exit_code == 0, added.output
    document = json.loads(added.stdout)
    assert document["roles"] == ["admin"]
    assert len(document["password"]) >= 20
    [listed] = json.loads(run("user", "list", "--json").stdout)
    assert "password" not in listed


def test_without_a_terminal_the_other_ways_to_give_a_password_are_named(run: Run) -> None:
    done = run("user", "add", "ann", "--role", "admin", stdin="correct horse battery\n")
    assert done.exit_code == 1
    assert "no terminal to ask on; add --generate, or --password-file FILE" in str(done.exception)


def test_password_is_read_from_standard_input(run: Run) -> None:
    done = run("user", "add", "ann", "--role", "admin", "--password-file", "-", stdin="correct horse battery\n")
    assert done.exit_code == 0, done.output
    assert "correct horse" not in done.output


def test_token_is_shown_once_and_the_audit_names_who_did_what(run: Run) -> None:
    run("user", "add", "ann", "--role", "admin", "--generate")
    secret = json.loads(run("token", "create", "mes", "--role", "viewer", "--owner", "ann", "--json").stdout)["secret"]
    assert secret.startswith("insp_")
    assert secret not in run("token", "list", "--json").stdout
    assert run("token", "revoke", "mes").exit_code == 0
    entries = json.loads(run("audit", "list", "--json").stdout)
    assert [entry["action"] for entry in entries] == ["token.revoke", "token.add", "user.add"]
    assert all(entry["actor"].startswith("cli:") for entry in entries)
    assert secret not in json.dumps(entries)


def test_audit_verify_names_an_altered_entry_and_exits_1(run: Run, tmp_path: Path) -> None:
    from contextlib import closing

    from inspector.access.audit import Audit
    from inspector.adapters.ledger import SqlAuditStore

    url = f"sqlite:///{tmp_path / 'inspector.db'}"
    run("user", "add", "ann", "--role", "admin", "--generate")
    with closing(SqlAuditStore(url)) as store:
        assert Audit(store).seal() is not None
    whole = run("audit", "verify", "--json")
    assert whole.exit_code == 0
    newest = json.loads(whole.stdout)["newest"]
    assert run("audit", "verify", "--seal", newest).exit_code == 0
    execute(url, "DROP TRIGGER audit_unchanged", "UPDATE audit SET actor = 'eve'")
    altered = run("audit", "verify", "--json")
    assert altered.exit_code == 1
    assert json.loads(altered.stdout)["entry"] == 1

"""No command prints, logs or raises a secret, whatever setting holds it and whatever fails."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from inspector.cli import app as command_line
from inspector.cli.app import COMMANDS, GROUPS, main

SECRETS = ("PlantedLedger1", "PlantedBroker2", "PlantedEvidence3", "PlantedClaims4", "PlantedCard5", "PlantedCloud6")
CARD = """\
name: away
engine: openai
checkpoint: away
pixels: {min: 4096, max: 65536}
server: {base_url: "http://127.0.0.1:9/v1", api_key_variable: CARD_SECRET_OF_PLANT}
"""
ARGUMENTS: dict[str, tuple[tuple[str, ...], ...]] = {
    "check": ((), ("--json",), ("--ask",)),
    "apply": (("lines",), ("lines", "--json")),
    "backup": (("--to", "backup.tar"),),
    "restore": (("backup.tar",),),
    "review": (("reviews.csv",),),
    "ledger": (("pcb",), ()),
    "learn": (("pcb",),),
    "plan": (("pcb",),),
    "checklist": (("pcb",),),
    "replay": (("pictures", "--line", "pcb"),),
    "chaos": (("--folder", "."),),  # refused: the folder is not empty
    "soak": (("--folder", "."),),
    "train-demo": (("--help",),),
    "demo": (("--help",),),
    "eval simulation": (("--help",),),  # it reads no setting
    "eval synthetic": (("--help",),),
    "bench service": (("--help",),),
    "bench ledger": (("--help",),),
    "bench engine": (("--help",),),
    "bench api": (("--help",),),
    "bench console": (("--help",),),
}


def all_commands() -> list[str]:
    single = [command.__name__.replace("_", "-") for commands in COMMANDS.values() for command in commands]
    return [*single, *(f"{group} {name}" for group, (_, commands) in GROUPS.items() for name in commands)]


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation with a secret in every setting that can hold one, and nothing that answers."""
    (tmp_path / "lines").mkdir()
    (tmp_path / "lines" / "pcb.yaml").write_text("line: pcb\nproduct: board\nquestion: Is it broken?\n")
    (tmp_path / "card.yaml").write_text(CARD)
    (tmp_path / "reviews.csv").write_text("result_id,is_ng\nx,1\n")
    for name, value in {
        "INSPECTOR_DATA": str(tmp_path / "data"),
        "INSPECTOR_DATABASE_URL": "postgresql+psycopg://insp:PlantedLedger1@127.0.0.1:9/ledger",
        "INSPECTOR_BROKER_PORT": "9",
        "INSPECTOR_BROKER_USERNAME": "plant",
        "INSPECTOR_BROKER_PASSWORD": "PlantedBroker2",
        "INSPECTOR_EVIDENCE_URL": "s3://key:PlantedEvidence3@127.0.0.1:9/pictures",
        "INSPECTOR_CLAIMS": '["http://camera:PlantedClaims4@127.0.0.1:9/frames"]',
        "INSPECTOR_MODEL": str(tmp_path / "card.yaml"),
        "CARD_SECRET_OF_PLANT": "PlantedCard5",
        "AWS_SECRET_ACCESS_KEY": "PlantedCloud6",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def printed(monkeypatch: pytest.MonkeyPatch, words: list[str]) -> str:
    """Run a command in this process; return what it printed."""
    out = io.StringIO()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "argv", ["inspector", *words])
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", out)
        try:
            main()
        except SystemExit:
            pass
        except Exception as error:
            out.write(f"raised {type(error).__name__}")
    return out.getvalue()


@pytest.mark.parametrize("command", all_commands())
def test_command_prints_no_secret(command: str, planted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for arguments in ARGUMENTS.get(command, ((),)):
        output = printed(monkeypatch, [*command.split(), *arguments])
        assert output
        assert [secret for secret in SECRETS if secret in output] == []
    written = [path.read_bytes() for path in planted.rglob("*") if path.is_file() and path.name != "card.yaml"]
    assert [secret for secret in SECRETS for data in written if secret.encode() in data] == []


def test_traceback_of_an_unexpected_error_holds_no_secret(planted: Path) -> None:
    code = (
        "import inspector.operations.check as check\n"
        "def broken(settings, **_): raise RuntimeError(f'{settings!r} {settings.database} '\n"
        "    f'{settings.broker_password.get_secret_value()}')\n"
        "check.run_checks = broken\n"
        "from inspector.cli.app import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "check"], env=os.environ, capture_output=True, text=True, timeout=120, check=False
    )
    assert "RuntimeError" in done.stderr
    assert "***" in done.stderr
    assert [secret for secret in SECRETS if secret in done.stdout + done.stderr] == []


def test_commands_of_this_test_exist() -> None:
    assert set(ARGUMENTS) <= set(all_commands())
    assert command_line.app is not None

"""Settings that contradict each other are refused, with the variable's name and the remedy."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from pydantic import ValidationError

from inspector.adapters.ledger import FileEvidence, SqlArchive, upgrade
from inspector.bootstrap.from_settings import absolute, broker_of, station_client_id
from inspector.cli.options import read_settings
from inspector.settings import OPTIONAL_FILES, Settings


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CA", "ca.pem"),
        ("CERTIFICATE", "client.pem"),
        ("KEY", "client.key"),
        ("KEY_PASSWORD", "secret"),
        ("SERVER_NAME", "broker.plant"),
    ],
)
def test_settings_of_tls_without_tls_are_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"INSPECTOR_BROKER_{name}", value)
    with pytest.raises(ValidationError, match="INSPECTOR_BROKER_TLS=true"):
        Settings()


@pytest.mark.parametrize("name", ["KEY", "KEY_PASSWORD"])
def test_key_without_certificate_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("INSPECTOR_BROKER_TLS", "true")
    monkeypatch.setenv(f"INSPECTOR_BROKER_{name}", "x")
    with pytest.raises(ValidationError, match="set INSPECTOR_BROKER_CERTIFICATE"):
        Settings()


def test_empty_variable_is_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CA", "CERTIFICATE", "KEY", "KEY_PASSWORD", "SERVER_NAME"):
        monkeypatch.setenv(f"INSPECTOR_BROKER_{name}", "")
    assert broker_of(Settings()).tls is None
    monkeypatch.setenv("INSPECTOR_BROKER_TLS", "true")
    tls = broker_of(Settings()).tls
    assert tls is not None
    assert (tls.ca, tls.certificate, tls.key, tls.key_password, tls.server_name) == (None, None, None, "", None)


def test_files_of_tls_are_found_from_any_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("INSPECTOR_BROKER_TLS", "true")
    monkeypatch.setenv("INSPECTOR_BROKER_CA", "certs/ca.pem")
    tls = broker_of(absolute(Settings())).tls
    assert tls is not None
    assert tls.ca == tmp_path / "certs" / "ca.pem"


@pytest.mark.parametrize("roots", ['["inspector"]', '["inspector/v1"]', '["inspector/v1/pcb"]', '["a/#"]', '[""]'])
def test_reply_root_among_the_verdicts_is_refused(monkeypatch: pytest.MonkeyPatch, roots: str) -> None:
    monkeypatch.setenv("INSPECTOR_REPLY_ROOTS", roots)
    with pytest.raises(ValidationError, match="reply root"):
        Settings()


def test_reply_root_is_compared_with_the_plants_own_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSPECTOR_TOPIC_ROOT", "acme/plant1")
    monkeypatch.setenv("INSPECTOR_REPLY_ROOTS", '["inspector/v1", "plc/replies"]')
    assert Settings().reply_roots == ("inspector/v1", "plc/replies")


def test_client_ids_begin_with_the_site(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSPECTOR_SITE", "plant7")
    assert station_client_id(Settings(), 0) == "plant7-station-0"


@pytest.mark.parametrize(
    ("text", "roots"),
    [
        ("/srv/frames", ("/srv/frames",)),
        (" /srv/a b , s3://bucket/frames,", ("/srv/a b", "s3://bucket/frames")),
        ('["/srv/with,comma"]', ("/srv/with,comma",)),
        ("", ()),
    ],
)
def test_lists_are_read_as_people_write_them(
    monkeypatch: pytest.MonkeyPatch, text: str, roots: tuple[str, ...]
) -> None:
    monkeypatch.setenv("INSPECTOR_CLAIMS", text)
    assert Settings().claims == roots
    assert absolute(Settings()).claims == roots


def test_claims_below_this_folder_become_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("INSPECTOR_CLAIMS", "frames")
    assert absolute(Settings()).claims == (str(tmp_path / "frames"),)


@pytest.mark.parametrize("text", ['["/srv/frames"', "[1, 2]", "[[]]"])
def test_broken_list_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    monkeypatch.setenv("INSPECTOR_CLAIMS", text)
    with pytest.raises(typer.Exit):
        read_settings()
    errors = capsys.readouterr().err.splitlines()
    assert errors
    assert all(line.startswith("error: INSPECTOR_CLAIMS") for line in errors)


@pytest.mark.parametrize("name", ["a?b", "a#b", "a%20b", "a%3Fb", "a b", "a&b;c", "\u00e9", "a::b"])
def test_data_folder_may_have_any_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    monkeypatch.setenv("INSPECTOR_DATA", str(folder))
    upgrade(Settings().database)
    stored = FileEvidence(Settings().evidence).put(b"picture", "image/jpeg")
    assert (folder / "inspector.db").is_file()
    assert [path.stem for path in (folder / "evidence").rglob("*") if path.is_file()] == [stored.sha256]
    assert SqlArchive(Settings().database).list_pipelines() == []


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "::1", "localhost"])
def test_login_is_off_on_loopback_only(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("INSPECTOR_LOGIN", "off")
    monkeypatch.setenv("INSPECTOR_CONSOLE_HOST", host)
    assert Settings().login == "off"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7", "inspector.plant", ""])
def test_login_is_required_beyond_loopback(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("INSPECTOR_LOGIN", "off")
    monkeypatch.setenv("INSPECTOR_CONSOLE_HOST", host)
    with pytest.raises(ValidationError, match="INSPECTOR_CONSOLE_HOST"):
        Settings()


def test_login_is_required_unless_said_otherwise() -> None:
    assert Settings().login == "required"


S3_SETTINGS = [
    ("ENDPOINT", "https://s3.plant"),
    ("REGION", "eu-1"),
    ("ACCESS_KEY_FILE", "key"),
    ("CA", "ca.pem"),
]


@pytest.mark.parametrize(("name", "value"), S3_SETTINGS)
def test_settings_of_s3_for_another_store_are_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"INSPECTOR_EVIDENCE_{name}", value)
    with pytest.raises(ValidationError, match=r"set INSPECTOR_EVIDENCE_URL=s3://bucket/prefix"):
        Settings()


@pytest.mark.parametrize("name", ["ACCESS_KEY_FILE", "SECRET_KEY_FILE"])
def test_one_key_of_two_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("INSPECTOR_EVIDENCE_URL", "s3://bucket/pictures")
    monkeypatch.setenv(f"INSPECTOR_EVIDENCE_{name}", "key")
    with pytest.raises(ValidationError, match="belong together; set both"):
        Settings()


@pytest.mark.parametrize("url", ["s3.plant:9000", "ftp://s3.plant", "https://key:secret@s3.plant", "https://"])
def test_endpoint_that_is_no_url_of_a_server_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("INSPECTOR_EVIDENCE_URL", "s3://bucket/pictures")
    monkeypatch.setenv("INSPECTOR_EVIDENCE_ENDPOINT", url)
    with pytest.raises(ValidationError, match="write https://host:port"):
        Settings()


def test_every_file_that_settings_may_name_is_listed() -> None:
    """What is not listed keeps a relative path, which means another file in a process that Ray starts."""
    optional = {name for name, field in Settings.model_fields.items() if field.annotation == Path | None}
    assert optional == set(OPTIONAL_FILES)


def test_an_installation_apart_shares_nothing_with_the_plants(tmp_path: Path) -> None:
    plant = Settings(
        data=tmp_path,
        database_url="postgresql://db.plant/inspector",
        evidence_url="s3://pictures/line",
        evidence_endpoint="https://s3.plant",
        webhook_url="https://alarms.plant/hook",
    )
    own = plant.apart(tmp_path / "demo", login="off")
    assert Settings.model_validate(own.model_dump()) == own
    assert (own.data, own.login) == (tmp_path / "demo", "off")
    alone = Settings(data=own.data)
    assert (own.database, own.evidence, own.webhook_url) == (alone.database, alone.evidence, "")

"""Secrets are found in URLs, settings and the environment, and removed from texts in every spelling."""

from __future__ import annotations

import io

import pytest

from inspector import secret_texts
from inspector.errors import LedgerError
from inspector.secret_texts import (
    GuardedStream,
    document_without_secrets,
    remember_environment,
    remember_secrets,
    remember_url,
    without_secrets,
)


@pytest.fixture(autouse=True)
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secret_texts, "_known", set())
    monkeypatch.setattr(secret_texts, "_pattern", [])


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("postgresql://insp:S3cr%2Fet-1@db/ledger", "S3cr/et-1"),
        ("postgresql+psycopg://insp:Hunter-22@db/ledger", "Hunter-22"),
        ("s3://AKIAEXAMPLE:wJalrXUtnFEMI@bucket/pictures", "wJalrXUtnFEMI"),
        ("https://ghp_0123456789@files.plant/pictures", "ghp_0123456789"),
        ("https://files.plant/p.jpg?se=2026&sig=aBc%2Bd1234", "aBc+d1234"),
        ("https://files.plant/p.jpg?X-Amz-Signature=0011223344", "0011223344"),
    ],
)
def test_secrets_of_a_url_leave_no_text(url: str, secret: str) -> None:
    remember_url(url)
    for text in (url, f"connection to {url} failed", f"wrong password: {secret!r}", f"{secret} {secret}"):
        assert secret not in without_secrets(text)
        assert url not in without_secrets(text)


@pytest.mark.parametrize("url", ["postgresql://inspector:inspector@db/x", "mqtt://u:pw@h", "amqp://user:p@host"])
def test_password_too_short_to_be_told_from_words_is_masked_within_its_url(url: str) -> None:
    remember_url(url)
    assert without_secrets(f"no answer from {url}").count(":***@") == 1
    assert without_secrets("inspector serve") == "inspector serve"


def test_variables_named_as_secrets_are_secret_and_others_are_not() -> None:
    remember_environment(
        {"AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI", "MAX_TOKENS": "1000000", "VLM_API_KEY": "sk-12345678"}
    )
    assert without_secrets("wJalrXUtnFEMI 1000000 sk-12345678") == "*** 1000000 ***"


def test_documents_streams_and_errors_hold_no_secret() -> None:
    remember_secrets(['quote"d-secret'])
    assert document_without_secrets({"a": ['x quote"d-secret'], "n": 1}) == {"a": ["x ***"], "n": 1}
    stream = io.StringIO()
    GuardedStream(stream).write('Traceback: quote"d-secret\n')
    assert stream.getvalue() == "Traceback: ***\n"
    assert str(LedgerError('no access with quote"d-secret')) == "no access with ***"

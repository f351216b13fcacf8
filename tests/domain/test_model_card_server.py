"""The grammar of a model card whose model runs on a server."""

from __future__ import annotations

import pytest
import yaml
from support.paths import ROOT

from inspector.config.loader import read_card
from inspector.domain.model_card import ModelCard
from inspector.errors import DeclarationError, Fault

URL = "http://vllm.plant:8000/v1"


def card(server: dict[str, object] | None, **settings: object) -> ModelCard:
    declared = {
        "name": "far",
        "engine": "openai",
        "checkpoint": "far",
        "pixels": {"min": 4096, "max": 65536},
        **settings,
    }
    return read_card(yaml.safe_dump(declared | ({"server": server} if server is not None else {})), "far.yaml")


def fault(server: dict[str, object] | None, **settings: object) -> Fault:
    """The only fault of such a card."""
    with pytest.raises(DeclarationError) as refused:
        card(server, **settings)
    (only,) = refused.value.faults
    return only


def test_a_server_needs_only_its_address() -> None:
    server = card({"base_url": URL}).server
    assert server is not None
    assert (server.base_url, server.model, server.api_key_variable, server.answers_begin) == (
        URL,
        None,
        None,
        "prefill",
    )
    assert server.extra == {"top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0}


@pytest.mark.parametrize("url", [f"{URL}/", "https://10.0.0.7/v1", "http://[::1]:8000/openai/v1"])
def test_an_address_may_be_any_of_http(url: str) -> None:
    server = card({"base_url": url}).server
    assert server is not None
    assert server.base_url == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "vllm:8000/v1",
        "ftp://vllm/v1",
        "http://",
        "http://vllm:99999/v1",
        "http://[vllm/v1",
        "http://a/v1?b=1",
        "http://a b/v1",
    ],
)
def test_invalid_address_is_refused_with_the_form_of_a_valid_one(url: str) -> None:
    assert fault({"base_url": url})[1:4] == (
        "server.base_url",
        "is not the address of a server",
        "write http://HOST:PORT/v1",
    )


def test_a_key_is_named_and_never_shown() -> None:
    found = fault({"base_url": URL, "api_key_variable": "sk-proj-secret"})
    assert found.field == "server.api_key_variable"
    assert found.remedy == "write its NAME here, never the key"
    assert "secret" not in str(found)
    found = fault({"base_url": "http://me:secret@vllm/v1"})
    assert found.field == "server.base_url"
    assert "secret" not in str(found)


def test_extra_settings_may_be_anything_but_what_every_request_sets_itself() -> None:
    extra = {"chat_template_kwargs": {"enable_thinking": False}, "priority": 1, "stop": ["</s>"]}
    server = card({"base_url": URL, "extra": extra}).server
    assert server is not None
    assert server.extra == extra
    found = fault({"base_url": URL, "extra": {"temperature": 0.2, "n": 4, "priority": 1}})
    assert (found.field, found.problem) == (
        "server.extra",
        "n, temperature can't be set here: every request sets it",
    )


@pytest.mark.parametrize(
    ("server", "field", "problem"),
    [
        ({}, "server.base_url", "is missing"),
        ({"base_url": URL, "timeout_s": 0}, "server.timeout_s", "0 is too small"),
        ({"base_url": URL, "retries": 100}, "server.retries", "100 is too large"),
        ({"base_url": URL, "api_key": "sk"}, "server.api_key", "is not a setting here"),
        ({"base_url": URL, "answers_begin": "json"}, "server.answers_begin", 'can\'t be "json"'),
        ({"base_url": URL, "model": ""}, "server.model", "is too short"),
    ],
)
def test_faults_name_the_setting(server: dict[str, object], field: str, problem: str) -> None:
    assert fault(server)[1:3] == (field, problem)


def test_engine_and_server_belong_together() -> None:
    assert fault(None).field == "server"
    assert fault(None).remedy == "add server: with the base_url that engine: openai connects to"
    found = fault({"base_url": URL}, engine="transformers")
    assert (found.field, found.problem) == ("server", "is not used by engine transformers")


def test_a_gpu_is_not_reserved_for_a_client() -> None:
    assert fault({"base_url": URL}, num_gpus=0.5).field == "num_gpus"
    assert card({"base_url": URL}, num_gpus=0).num_gpus == 0


def test_the_example_says_what_it_talks_to() -> None:
    text = (ROOT / "models" / "openai.example.yaml").read_bytes()
    assert read_card(text, "openai.example.yaml").engine == "openai"

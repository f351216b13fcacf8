"""The examples of /connect, run as the page prints them against a plant's broker: TLS, login, client certificate."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import pytest
from support.browser_pages import ServedConsole, open_browser, open_context, open_page, require_pages
from support.console_api import services_of
from support.console_parts import a_picture
from support.fakes import MemoryEvidence, MemoryLedger
from support.mqtt_desk import TOPICS, Desk, opened, until
from support.plant_broker import HOST, Authority, own_user, passwords, plant_broker

from inspector.adapters.console.services import Installation
from inspector.adapters.mqtt.connection import Broker
from inspector.adapters.mqtt.local import mosquitto
from inspector.adapters.mqtt.tls import Tls

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(mosquitto.find() is None, reason="mosquitto is not installed"),
    pytest.mark.skipif(shutil.which("mosquitto_pub") is None, reason="mosquitto-clients is not installed"),
]
EXAMPLES: Final = ("MQTT 5", "MQTT 3.1.1", "Python")
BROKERS: Final = ("plain", "login", "certificate")  # the last two with a private authority
FILLED_IN: Final = {"LINE": "mugs", "CAMERA": "top", "NAME": "camera", "PASSWORD": "secret"}
RUN_S: Final = 30.0


class Plant(NamedTuple):
    """A broker, the folder with the files that the page names, and the page's examples."""

    broker: Broker
    folder: Path
    examples: dict[str, str]


@pytest.fixture(scope="module")
def plants(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Plant]]:
    """Read the pages of three plants. The browser is closed before the tests, which have a loop of their own."""
    require_pages()
    with ExitStack() as stack:
        made = {kind: _plant(stack, kind, tmp_path_factory.mktemp(kind)) for kind in BROKERS}
        with open_browser() as browser:
            read = {kind: plant._replace(examples=_examples(browser, plant.broker)) for kind, plant in made.items()}
        yield read


def _plant(stack: ExitStack, kind: str, folder: Path) -> Plant:
    (folder / "picture.jpg").write_bytes(a_picture())
    if kind == "plain":
        return Plant(Broker(HOST, stack.enter_context(plant_broker(folder / "broker"))), folder, {})
    authority = Authority(folder)
    authority.file.rename(folder / "ca.pem")
    served = authority.issue(HOST)
    settings = [f"certfile {served.certificate}", f"keyfile {served.key}", f"cafile {folder / 'ca.pem'}", own_user()]
    if kind == "login":
        settings += ["allow_anonymous false", f"password_file {passwords(folder, 'camera')}"]
        port = stack.enter_context(plant_broker(folder / "broker", *settings))
        return Plant(Broker(HOST, port, username="camera", password="secret", tls=Tls(folder / "ca.pem")), folder, {})
    own = authority.issue("camera")
    port = stack.enter_context(plant_broker(folder / "broker", *settings, "require_certificate true"))
    return Plant(Broker(HOST, port, tls=Tls(folder / "ca.pem", own.certificate, own.key)), folder, {})


def _examples(browser: Browser, broker: Broker) -> dict[str, str]:
    """Return what a person copies from /connect of a service that uses this broker."""
    tls = broker.tls
    secured = (tls is not None, tls is not None, tls is not None and tls.certificate is not None)
    about = Installation(HOST, broker.port, TOPICS.root, "UTC", *secured, broker.username is not None)
    served = ServedConsole(replace(services_of(MemoryLedger(), MemoryEvidence()), about=about))
    try:
        with open_context(browser, served.address) as context, open_page(context, served.address) as page:
            page.goto("/connect")
            shown = page.get_by_test_id("examples")
            shown.get_by_text(f"-p {broker.port}").wait_for()
            found = {}
            for name in EXAMPLES:
                shown.get_by_role("button", name=name, exact=True).click()
                found[name] = shown.get_by_label(name, exact=True).locator("code").text_content() or ""
            return found
    finally:
        served.end()


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=RUN_S, check=False)


@pytest.mark.parametrize("kind", BROKERS)
@pytest.mark.parametrize("name", EXAMPLES)
async def test_example_brings_a_frame_to_the_station(plants: dict[str, Plant], kind: str, name: str) -> None:
    broker, folder, examples = plants[kind]
    text = examples[name]
    for placeholder, given in FILLED_IN.items():
        text = text.replace(placeholder, given)
    desk = Desk()
    intake = await opened(broker, desk, "inspector-station-0")
    try:
        command = [sys.executable, "-c", text] if name == "Python" else ["bash", "-c", text]
        done = await asyncio.to_thread(_run, command, folder)
        assert (done.returncode, done.stderr) == (0, "")
        await until(lambda: bool(desk.frames))
    finally:
        await intake.close()
    [frame] = desk.frames
    assert frame.key[:2] == ("mugs", "top")
    assert frame.key.trigger_id.isdigit()
    assert frame.payload == (folder / "picture.jpg").read_bytes()

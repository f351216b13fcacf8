"""Examples in the documents are read by what reads them in a plant."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import subprocess
import sys
import threading
from pathlib import Path
from typing import Final

import pytest
import yaml
from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from support.documents import Block, Command, blocks, commands
from support.plant_broker import Authority, configured_broker, own_user, passwords

from inspector.adapters.mqtt.check.probe import time_round_trip
from inspector.adapters.mqtt.check.session import open_session
from inspector.adapters.mqtt.connection import Broker
from inspector.adapters.mqtt.local import mosquitto
from inspector.adapters.mqtt.local.broker import free_port, local_broker
from inspector.adapters.mqtt.tls import Tls
from inspector.config.loader import read_card, read_pipeline
from inspector.messages.broker_acl import LineCameras, mosquitto_acl
from inspector.messages.incoming import FrameRef, GateAck, Incoming, PlcCount
from inspector.messages.topics import Topics

BROKERS: Final = ("mosquitto_pub", "mosquitto_sub")  # in order: parallel runs collect the same tests
PAYLOADS: Final[dict[str, type[Incoming]]] = {"ack": GateAck, "count": PlcCount}
WAIT_S: Final = 20.0


@pytest.mark.parametrize("block", blocks("yaml"), ids=str)
def test_yaml_is_accepted(block: Block) -> None:
    keys = yaml.safe_load(block.text).keys()
    if "line" in keys:
        read_pipeline(block.text, str(block))
    elif "checkpoint" in keys:
        read_card(block.text, str(block))
    else:
        assert "scrape_configs" in keys, "neither a pipeline, nor a model card, nor Prometheus's own"


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_python_compiles(block: Block) -> None:
    ast.parse(block.text)


@pytest.mark.parametrize("command", [each for name in BROKERS for each in commands(name)], ids=str)
def test_topic_is_in_the_contract(command: Command) -> None:
    words = shlex.split(command.text, comments=True)
    topic = words[words.index("-t") + 1]
    assert words[words.index("-q") + 1] == "1"
    if words[0] == "mosquitto_pub":
        parsed = Topics().parse(topic)
        assert parsed is not None
        if parsed.channel in PAYLOADS:
            PAYLOADS[parsed.channel].model_validate_json(words[words.index("-m") + 1])
    else:
        assert re.fullmatch(rf"{Topics().root}/[\w+]+/(\w+/)?(verdict|report|review|event|part)", topic)


def test_frame_ref_example_is_read() -> None:
    claims = [block for block in blocks("json") if block.text.startswith('{"url"')]
    assert claims
    for block in claims:
        FrameRef.model_validate(json.loads(block.text))


def test_python_example_reaches_a_broker(tmp_path: Path) -> None:
    picture, received = tmp_path / "mug.jpg", threading.Event()
    picture.write_bytes(b"the picture's bytes")
    messages: list[MQTTMessage] = []

    def on_message(_client: Client, _data: object, message: MQTTMessage) -> None:
        messages.append(message)
        received.set()

    with local_broker(tmp_path, prefer="mosquitto") as broker:
        gateway = Client(CallbackAPIVersion.VERSION2, client_id="station", protocol=MQTTv5)
        gateway.on_subscribe = lambda *_: received.set()
        gateway.on_message = on_message
        gateway.connect(broker.host, broker.port)
        gateway.loop_start()
        gateway.subscribe("inspector/v1/+/+/frame", qos=1)
        assert received.wait(WAIT_S)
        received.clear()
        place = {"PICTURE": str(picture), "BROKER_HOST": broker.host, "BROKER_PORT": str(broker.port)}
        script = next(block.text for block in blocks("python") if "client.publish(" in block.text)
        subprocess.run([sys.executable, "-c", script], env=os.environ | place, check=True, timeout=WAIT_S)
        assert received.wait(WAIT_S)
        gateway.disconnect()
        gateway.loop_stop()
    assert messages[0].payload == picture.read_bytes()
    assert dict(messages[0].properties.UserProperty)["trigger_id"] == "m-1"


@pytest.mark.skipif(mosquitto.find() is None, reason="mosquitto is not installed")
def test_configuration_of_the_broker_keeps_cameras_from_the_stations_session(tmp_path: Path) -> None:
    [block] = [each for each in blocks("conf") if "per_listener_settings" in each.text]
    stations, cameras = free_port("127.0.0.1", 0), free_port("127.0.0.1", 0)
    authority = Authority(tmp_path)
    issued = authority.issue("127.0.0.1")
    (tmp_path / "acl").write_text(mosquitto_acl(Topics(), (LineCameras("mugs", ("cam1",)),)))
    passwords(tmp_path, "station", "camera/mugs/cam1")
    (tmp_path / "broker.pem").write_bytes(issued.certificate.read_bytes())
    (tmp_path / "broker.key").write_bytes(issued.key.read_bytes())
    text = block.text.replace("listener 1883", f"listener {stations}").replace("listener 8883", f"listener {cameras}")
    text = text.replace("/etc/mosquitto", str(tmp_path)).replace("\nlistener", f"\n{own_user()}\nlistener", 1)
    (tmp_path / "plant.conf").write_text(text)
    with configured_broker(tmp_path / "plant.conf", stations):
        station = Broker("127.0.0.1", stations, username="station", password="secret")
        camera = Broker("127.0.0.1", cameras, "5", "camera/mugs/cam1", "secret", Tls(authority.file))
        with open_session(station, "inspector-station-0", timeout_s=WAIT_S) as session:
            with open_session(camera, "inspector-station-0", timeout_s=WAIT_S) as thief:
                assert thief.accepted
            assert time_round_trip(session, Topics().probe) is not None

"""What the hostile camera sends: each attack is what its name says."""

from __future__ import annotations

import io
import json

import pytest
from PIL import Image

from inspector.adapters.mqtt.connection import Broker
from inspector.lab.chaos.hostile_camera import CAMERA, CAMERA_NAMES, HostileCamera
from inspector.lab.chaos.schedule import FaultKind
from inspector.messages.incoming import FrameRef

ATTACKS = [fault for fault in FaultKind if fault.is_hostile]


@pytest.fixture(scope="module")
def camera() -> HostileCamera:
    return HostileCamera(Broker(), "chaos", "cam1", "http://127.0.0.1:1", seed=1)


@pytest.mark.parametrize("fault", ATTACKS)
def test_each_attack_has_messages_of_its_own_trigger_ids(camera: HostileCamera, fault: FaultKind) -> None:
    [(make, rate), *_] = camera.streams(fault)
    first, second = make(0), make(1)
    assert rate > 0.0
    assert first != second
    assert first.channel in ("frame", "frame-ref")
    if first.channel == "frame":
        assert first.properties["trigger_id"] != second.properties["trigger_id"]


def test_every_attack_is_a_fault(camera: HostileCamera) -> None:
    alone = [fault for fault in ATTACKS if fault is not FaultKind.HOSTILE_ALL]
    assert [len(camera.streams(fault)) for fault in alone] == [1] * len(alone)
    assert len(camera.streams(FaultKind.HOSTILE_ALL)) == len(alone)
    assert not any(fault.is_hostile for fault in (FaultKind.STATION, FaultKind.TAKEOVER))


def test_names_are_ten_thousand(camera: HostileCamera) -> None:
    [(make, _)] = camera.streams(FaultKind.HOSTILE_NAMES)
    names = {make(number).camera for number in range(2 * CAMERA_NAMES)}
    assert len(names) == CAMERA_NAMES
    assert CAMERA not in names


def test_claims_are_sound_and_name_the_slow_server(camera: HostileCamera) -> None:
    [(make, _)] = camera.streams(FaultKind.HOSTILE_CLAIMS)
    claim = FrameRef.model_validate(json.loads(make(7).payload))
    assert claim.url == "http://127.0.0.1:1/7.jpg"


def test_replies_are_wanted_where_the_other_gate_listens(camera: HostileCamera) -> None:
    [(make, _)] = camera.streams(FaultKind.HOSTILE_REPLIES)
    assert make(1).response_topic == "inspector/v1/chaos/cam1/verdict"


def test_pictures_are_damaged_in_four_ways(camera: HostileCamera) -> None:
    [(make, _)] = camera.streams(FaultKind.HOSTILE_PICTURES)
    cut, scans, huge, nothing = (make(number).payload for number in range(4))
    assert (cut[:2], cut[-2:]) == (b"\xff\xd8", b"\xff\xd9")
    assert scans.count(b"\xff\xda") > 100
    with pytest.raises(Image.DecompressionBombError):
        Image.open(io.BytesIO(huge))
    assert len(huge) < 10_000
    assert not any(nothing)

"""The fingerprints that an override of a line's right to pass is about."""

from __future__ import annotations

from inspector.bootstrap.from_settings import card_of
from inspector.domain.pipeline import line_fingerprint
from inspector.lines.states import LineStates, OverrideRequest
from inspector.ports.ledger import PipelineVersion
from inspector.settings import Settings


def override_of(settings: Settings, states: LineStates, line: str, days: float) -> OverrideRequest:
    """Return the request for an override under the fingerprints that judge the line's cameras now.

    Those are the newest parts' fingerprints. Where no part was judged yet, they are worked out from the model card.
    Raises ModelError where the model can't be found or its server can't be reached.
    """
    version = states.version(line)
    known = {camera: states.archive.fingerprint(line, camera) for camera in version.pipeline.cameras}
    declared = {} if all(known.values()) else card_fingerprints(settings, version)
    return OverrideRequest({camera: each or declared[camera] for camera, each in known.items()}, days)


def card_model_fingerprint(settings: Settings) -> str:
    """Return the fingerprint of the card's model: hashes its checkpoint, or asks its server. Raises ModelError."""
    from inspector.adapters.vlm import model_fingerprint

    return model_fingerprint(card_of(settings), settings.model.parent)


def card_fingerprints(settings: Settings, version: PipelineVersion) -> dict[str, str]:
    """Return the fingerprint of each camera's parts under this version with the model of the card.

    Raises ModelError where the model can't be found or its server can't be reached.
    """
    return declared_fingerprints(card_model_fingerprint(settings), version)


def declared_fingerprints(model: str, version: PipelineVersion) -> dict[str, str]:
    """Return the fingerprint of each camera's parts under the model of this fingerprint."""
    pipeline = version.pipeline
    return {
        camera: line_fingerprint(pipeline.settings_fingerprint(camera), model, version.golden)
        for camera in pipeline.cameras
    }

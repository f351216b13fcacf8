"""Set all lines of a demo or benchmark live: by the shipped qualification where it covers them, else by override."""

from __future__ import annotations

from typing import Final

from inspector.adapters.ledger import SqlQualificationStore
from inspector.bootstrap.overrides import card_model_fingerprint, declared_fingerprints
from inspector.lines.states import OverrideRequest
from inspector.operations.drawn_lines import shipped_qualifications
from inspector.operations.line_states import line_states, user_name
from inspector.settings import Settings

DRILL_REASON: Final = "drill"
DRILL_DAYS: Final = 1.0


def set_all_live_for_drill(settings: Settings) -> None:
    """Let every line pass parts under the model of the card.

    The shipped qualification covers a drawn line only under its own fingerprint and policy. Any other line gets an
    override for a day, which everybody sees.
    """
    shipped, store, author = shipped_qualifications(), SqlQualificationStore(settings.database), user_name()
    model = card_model_fingerprint(settings)
    with line_states(settings) as states:
        for view in states.views():
            version, fingerprints = view.version, declared_fingerprints(model, view.version)
            policy, proof = version.pipeline.policy_fingerprint(), shipped.get(view.line)
            if proof is not None and proof.policy == policy and set(fingerprints.values()) == {proof.fingerprint}:
                store.record_qualification(proof.record(version, author))
                states.go_live(view.line, author, proof.reason)
            else:
                states.go_live(view.line, author, DRILL_REASON, OverrideRequest(fingerprints, DRILL_DAYS))

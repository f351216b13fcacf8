"""What makes two frames the same part."""

from __future__ import annotations

from inspector.domain.frame import FrameKey
from inspector.domain.part_identity import PartIdentity, Trigger


def test_whole_digest_tells_every_part_of_an_identity_apart() -> None:
    base = PartIdentity(Trigger(FrameKey("pcb", "cam1", "7")), "ab", "SN1")
    others = [
        base._replace(sha256="ac"),
        base._replace(part_id=""),
        base._replace(trigger=Trigger(FrameKey("pcb", "cam2", "7"))),
        base._replace(trigger=Trigger(base.key, '{"lot":"A"}')),
        base._replace(trigger=Trigger(FrameKey("pcb", "cam1", "x" * 60_000 + "\udcff"))),
    ]
    assert len({each.whole_digest for each in [base, *others]}) == 6
    assert {len(each.whole_digest) for each in others} == {16}

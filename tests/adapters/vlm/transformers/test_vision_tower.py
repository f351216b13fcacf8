"""The vision tower sees what transformers' own call sees, and knows the geometry of sizes that it met."""

from __future__ import annotations

import torch
from support.demo_model import CARD, fresh_checkpoint

from inspector.adapters.vlm.transformers.images import ImagePreparer, PatchBatch
from inspector.adapters.vlm.transformers.vision_tower import VisionTower
from inspector.lab.synthetic import draw, encode
from inspector.ports.engine import Picture


def prepared(*products: str) -> PatchBatch:
    pictures = [Picture(encode(draw(product, 3))) for product in products]
    return ImagePreparer(fresh_checkpoint().processor, CARD).patches(pictures)


@torch.inference_mode()
def test_it_sees_what_transformers_sees() -> None:
    model, patches = fresh_checkpoint().model, prepared("cap", "board")
    seen = VisionTower(model.model.visual).see(patches)
    plain = model.model.get_image_features(patches.pixels, patches.grid, return_dict=True)
    assert torch.equal(seen.patches, plain.last_hidden_state)
    assert torch.equal(seen.merged, torch.cat(plain.pooler_output))
    for one, other in zip(seen.deepstack, plain.deepstack_features, strict=True):
        assert torch.equal(one, torch.cat(other))


@torch.inference_mode()
def test_the_geometry_of_a_size_is_worked_out_once() -> None:
    tower = VisionTower(fresh_checkpoint().model.model.visual)
    sizes = [tuple(map(tuple, prepared(*products).grid.tolist())) for products in (["cap"], ["cap"], ["cap", "cap"])]
    first, again, two = (tower._geometry(each) for each in sizes)
    assert first is again
    assert len(two["position_ids"]) == 2 * len(first["position_ids"])

"""The backbone tower: the vision tower of the model that judges, whose patches cost a part nothing more."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

import numpy as np

from inspector.ports.engine import Engine, PatchMap, Picture, Prefix

TOWER: Final = "tower"
TOWER_MAP: Final = f"{TOWER}/16"  # its only map, whatever the exact patch size


class TowerBackbone:
    """The tower of one engine, for teaching (`ports.Backbone`). Blocking: not for coroutines."""

    name: Final = TOWER

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def fingerprint(self) -> str:
        return self._engine.fingerprint

    def maps(self, picture: Picture) -> Mapping[str, PatchMap]:
        return asyncio.run(self._maps(picture))

    async def _maps(self, picture: Picture) -> Mapping[str, PatchMap]:
        prefix = await self._engine.open([picture], "")
        try:
            return await tower_maps(self._engine, prefix)
        finally:
            await self._engine.close(prefix)


async def tower_maps(engine: Engine, prefix: Prefix) -> Mapping[str, PatchMap]:
    """Return the map of the prefix's last picture."""
    return {TOWER_MAP: (await engine.features(prefix)).astype(np.float16)}

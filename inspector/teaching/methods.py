"""The methods that a line can be taught with, by name: a kind and the feature maps it reads. Pure.

| kind | learns from | needs |
|---|---|---|
| memory | good parts | one map |
| template | good parts | a template per part |
| pooled | OK and NG parts | maps of one backbone |
| patches | OK and NG parts | one map |
| votes | nothing: the model's own votes | votes of enough parts |
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from inspector.teaching.memory import Memory, PatchScores, learn_memory
from inspector.teaching.part_features import PartFeatures, TaughtPart
from inspector.teaching.patch_head import PatchHead, learn_patch_head
from inspector.teaching.pooled_head import PooledHead, learn_pooled_head
from inspector.teaching.template_difference import TemplateMethod, learn_template_method

Array = NDArray[Any]
NO_HEAT: Final = np.zeros((0, 0), np.float32)


class MethodKind(StrEnum):
    """How a method turns features into a score."""

    MEMORY = "memory"
    TEMPLATE = "template"
    POOLED = "pooled"
    PATCHES = "patches"
    VOTES = "votes"


MIN_VOTED_PER_KIND: Final = 10  # OK and NG parts with votes, before votes are a method
HEADS: Final = frozenset({MethodKind.POOLED, MethodKind.PATCHES})  # they need NG parts to learn from


class Method(Protocol):
    """A learned method. Higher scores mean NG; methods differ in scale."""

    def scores(self, part: PartFeatures) -> PatchScores: ...

    def arrays(self) -> dict[str, Array]: ...


class MethodName(NamedTuple):
    """A kind of method and the feature maps that it reads."""

    kind: MethodKind
    maps: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.kind}:{'+'.join(self.maps)}" if self.maps else str(self.kind)

    @classmethod
    def parse(cls, text: str) -> MethodName:
        kind, _, maps = text.partition(":")
        return cls(MethodKind(kind), tuple(maps.split("+")) if maps else ())


class LearnedMethod(NamedTuple):
    """A method, and the scores of the good parts it was learned from, each against the other groups; None for heads."""

    method: Method
    good_scores: Array | None = None


class MapMemory(NamedTuple):
    """Memory of one map."""

    map_name: str
    memory: Memory

    def scores(self, part: PartFeatures) -> PatchScores:
        return self.memory.scores(part.maps[self.map_name])

    def arrays(self) -> dict[str, Array]:
        return self.memory.arrays()


class MapPatchHead(NamedTuple):
    """A patch head over one map."""

    map_name: str
    head: PatchHead

    def scores(self, part: PartFeatures) -> PatchScores:
        return self.head.scores(part.maps[self.map_name])

    def arrays(self) -> dict[str, Array]:
        return self.head.arrays()


class MapPooledHead(NamedTuple):
    """A pooled head over several maps. It has no heat."""

    map_names: tuple[str, ...]
    head: PooledHead

    def scores(self, part: PartFeatures) -> PatchScores:
        return PatchScores(self.head.score([part.maps[name] for name in self.map_names]), NO_HEAT)

    def arrays(self) -> dict[str, Array]:
        return self.head.arrays()


class TemplateScores(NamedTuple):
    """The difference from the part's template."""

    method: TemplateMethod

    def scores(self, part: PartFeatures) -> PatchScores:
        return self.method.scores(part.template)

    def arrays(self) -> dict[str, Array]:
        return self.method.arrays()


class VoteScores(NamedTuple):
    """The log-odds of the model's own votes; NaN for a part without votes, such as a golden sample."""

    def scores(self, part: PartFeatures) -> PatchScores:
        return PatchScores(math.nan if part.votes is None else part.votes, NO_HEAT)

    def arrays(self) -> dict[str, Array]:
        return {}


def available_methods(parts: Sequence[TaughtPart]) -> list[MethodName]:
    """List the methods whose features every part has. Votes may be missing: golden samples have none."""
    maps = sorted(set.intersection(*(set(part.features.maps) for part in parts)))
    backbones = sorted({name.split("/")[0] for name in maps})
    coarse = [max((name for name in maps if name.startswith(f"{each}/")), key=_stride) for each in backbones]
    methods = [MethodName(MethodKind.MEMORY, (name,)) for name in coarse]
    methods += [
        MethodName(MethodKind.POOLED, tuple(name for name in maps if name.startswith(f"{each}/"))) for each in backbones
    ]
    methods += [MethodName(MethodKind.PATCHES, (name,)) for name in maps]
    if all(part.features.template for part in parts):
        methods.append(MethodName(MethodKind.TEMPLATE))
    voted = Counter(part.is_ng for part in parts if part.features.votes is not None)
    if min(voted[True], voted[False]) >= MIN_VOTED_PER_KIND:
        methods.append(MethodName(MethodKind.VOTES))
    return methods


def learn_method(name: MethodName, parts: Sequence[TaughtPart]) -> LearnedMethod:
    """Learn one method. Raises ValueError where the parts do not suffice."""
    is_ng = np.array([part.is_ng for part in parts])
    good = [part for part in parts if not part.is_ng]
    match name.kind:
        case MethodKind.MEMORY:
            maps = [part.features.maps[name.maps[0]] for part in good]
            memory, own = learn_memory(maps, [part.group for part in good])
            return LearnedMethod(MapMemory(name.maps[0], memory), own)
        case MethodKind.TEMPLATE:
            template, own = learn_template_method([part.features.template for part in good])
            return LearnedMethod(TemplateScores(template), own)
        case MethodKind.POOLED:
            pooled = learn_pooled_head([[part.features.maps[each] for each in name.maps] for part in parts], is_ng)
            return LearnedMethod(MapPooledHead(name.maps, pooled))
        case MethodKind.PATCHES:
            maps, boxes = [part.features.maps[name.maps[0]] for part in parts], [part.boxes for part in parts]
            return LearnedMethod(MapPatchHead(name.maps[0], learn_patch_head(maps, is_ng, boxes)))
        case MethodKind.VOTES:
            return LearnedMethod(VoteScores())


def stored_method(name: MethodName, arrays: dict[str, Array]) -> Method:
    """Rebuild a method from its arrays."""
    match name.kind:
        case MethodKind.MEMORY:
            return MapMemory(name.maps[0], Memory.of_arrays(arrays))
        case MethodKind.TEMPLATE:
            return TemplateScores(TemplateMethod.of_arrays(arrays))
        case MethodKind.POOLED:
            return MapPooledHead(name.maps, PooledHead.of_arrays(arrays))
        case MethodKind.PATCHES:
            return MapPatchHead(name.maps[0], PatchHead.of_arrays(arrays))
        case MethodKind.VOTES:
            return VoteScores()


def _stride(map_name: str) -> int:
    return int(map_name.split("/")[1])

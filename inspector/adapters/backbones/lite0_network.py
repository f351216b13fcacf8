"""Stem and blocks 0 to 10 of EfficientNet-Lite0 (Tan & Le 2019, 1905.11946; Lite: no squeeze-excitation, ReLU6).

Batch normalisation is folded into the convolutions: the network only ever infers. Convolutions are padded as in
TensorFlow, where these weights were trained: the odd pixel goes to the right and to the bottom.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad, relu6

BATCH_NORM_EPSILON: Final = 1e-3
STEM_STRIDE: Final = 2
BLOCK_STRIDES: Final = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1)  # of blocks 0 to 10
FINE_BLOCK: Final = 4  # the last block of stride 8


class StrideMaps(NamedTuple):
    """The features of one batch at strides 8 and 16: [pictures, channels, rows, columns]."""

    fine: Tensor
    coarse: Tensor


class Lite0Network:
    """The network, with its weights. Raises KeyError for weights of another network."""

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        self._stem = _Convolution.folded(weights, "_conv_stem", "_bn0", STEM_STRIDE)
        self._blocks = [_Block.read(weights, number, stride) for number, stride in enumerate(BLOCK_STRIDES)]

    def __call__(self, pictures: Tensor) -> StrideMaps:
        """Encode [pictures, 3, rows, columns] with values in -1..1."""
        encoded = relu6(self._stem(pictures))
        outputs = []
        for block in self._blocks:
            encoded = block(encoded)
            outputs.append(encoded)
        return StrideMaps(outputs[FINE_BLOCK], outputs[-1])


class _Convolution(NamedTuple):
    """A convolution with its batch normalisation folded in."""

    weight: Tensor
    bias: Tensor
    stride: int
    groups: int

    @classmethod
    def folded(cls, weights: Mapping[str, Tensor], convolution: str, norm: str, stride: int = 1) -> _Convolution:
        weight = weights[f"{convolution}.weight"]
        gain = weights[f"{norm}.weight"] / torch.sqrt(weights[f"{norm}.running_var"] + BATCH_NORM_EPSILON)
        bias = weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * gain
        groups = weight.shape[0] if weight.shape[1] == 1 else 1
        folded = (weight * gain[:, None, None, None]).contiguous(memory_format=torch.channels_last)
        return cls(folded, bias, stride, groups)

    def __call__(self, encoded: Tensor) -> Tensor:
        vertical, horizontal = (self._padding(side) for side in encoded.shape[2:])
        left, top = horizontal // 2, vertical // 2
        padded = pad(encoded, (left, horizontal - left, top, vertical - top))
        return conv2d(padded, self.weight, self.bias, self.stride, groups=self.groups)

    def _padding(self, side: int) -> int:
        outputs = -(-side // self.stride)
        return max(0, (outputs - 1) * self.stride + self.weight.shape[-1] - side)


class _Block(NamedTuple):
    """An inverted bottleneck: expansion (missing in block 0), depthwise convolution, projection."""

    expand: _Convolution | None
    depthwise: _Convolution
    project: _Convolution

    @classmethod
    def read(cls, weights: Mapping[str, Tensor], number: int, stride: int) -> _Block:
        name = f"_blocks.{number}"
        expand = _Convolution.folded(weights, f"{name}._expand_conv", f"{name}._bn0") if number else None
        depthwise = _Convolution.folded(weights, f"{name}._depthwise_conv", f"{name}._bn1", stride)
        return cls(expand, depthwise, _Convolution.folded(weights, f"{name}._project_conv", f"{name}._bn2"))

    def __call__(self, encoded: Tensor) -> Tensor:
        wide = relu6(self.expand(encoded)) if self.expand else encoded
        narrow = self.project(relu6(self.depthwise(wide)))
        return narrow + encoded if narrow.shape == encoded.shape else narrow

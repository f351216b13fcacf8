"""The choice of the precision."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
import torch

from inspector.lab.training import precision


@pytest.mark.parametrize("slow", [torch.bfloat16, torch.float32])
def test_products_use_the_precision_that_the_processor_multiplies_faster(
    slow: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    cpu = torch.device("cpu")
    measured = precision._matmul

    def hindered(dtype: torch.dtype) -> Callable[[], torch.Tensor]:
        def product() -> torch.Tensor:
            time.sleep(0.2 if dtype is slow else 0.0)
            return measured(dtype)()

        return product

    monkeypatch.setattr(precision, "_matmul", hindered)
    precision.bfloat16_is_faster.cache_clear()
    with precision.matmul_autocast(cpu):
        multiplied = torch.nn.functional.linear(torch.ones(1, 1), torch.ones(1, 1)).dtype
    precision.bfloat16_is_faster.cache_clear()
    assert {multiplied, slow} == {torch.bfloat16, torch.float32}

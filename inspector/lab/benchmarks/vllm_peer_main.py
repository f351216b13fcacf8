"""Rounds of vLLM on one checkpoint. Runs by its path in an environment that has vLLM and not this project.

It imports nothing of the project: it reads one order per line and writes one line of JSON for each.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

MAX_TOKENS = 4096
BLOCK_TOKENS = 32  # the smallest block of its CPU attention: the least is read again after a prefix


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # vLLM prints a lot
    os.environ |= {
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
        "VLLM_CPU_KVCACHE_SPACE": "2",
        "VLLM_LOGGING_LEVEL": "WARNING",
    }
    model = opened(sys.argv[1])
    for line in sys.stdin:
        order = json.loads(line)
        answers.write(json.dumps(first_tokens(model, order) if order else []) + "\n")


def opened(checkpoint: str) -> Any:
    from vllm import LLM

    return LLM(
        checkpoint,
        skip_tokenizer_init=True,
        dtype="float32",
        max_model_len=MAX_TOKENS,
        block_size=BLOCK_TOKENS,
        enable_prefix_caching=True,
    )


def first_tokens(model: Any, order: dict[str, Any]) -> list[int]:
    from vllm import SamplingParams

    sampling = SamplingParams(
        n=order["samples"],
        temperature=order["temperature"],
        max_tokens=order["tokens"],
        ignore_eos=True,
        detokenize=False,
        logprobs=20 if order["tokens"] == 1 else None,
    )
    prompts = [{"prompt_token_ids": ids, "cache_salt": name} for name, ids in order["prompts"]]
    outputs = model.generate(prompts, sampling, use_tqdm=False)
    return [answer.token_ids[0] for each in outputs for answer in each.outputs]


if __name__ == "__main__":
    main()

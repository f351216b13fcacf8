"""Laps of vLLM on one checkpoint. Runs by its path in an environment that holds vLLM and not this project, of which it
imports nothing: an order a line comes in, a line of JSON goes out for each."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

MAX_TOKENS = 4096
BLOCK_TOKENS = 32  # the smallest that its attention on a CPU is made for: the least is read again behind a prefix


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # vLLM says a lot
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
    told = model.generate(prompts, sampling, use_tqdm=False)
    return [answer.token_ids[0] for each in told for answer in each.outputs]


if __name__ == "__main__":
    main()

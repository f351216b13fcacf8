"""llama.cpp's own server in a process of its own: a real server for the openai engine, in a wheel of 34 MB."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from support.gguf_model import GgufModel

MODEL = "tiny"
SLOTS = 4
SERVE = """
import signal, sys
import xllamacpp
params = xllamacpp.CommonParams()
params.model.path, params.mmproj.path, params.model_alias = sys.argv[1], sys.argv[2], {sys.argv[3]}
params.hostnames, params.port = ["127.0.0.1"], 0
params.n_ctx, params.n_parallel, params.warmup = 4096, int(sys.argv[4]), False
params.image_min_tokens = 4
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
signal.pause()
"""


@contextmanager
def llama_server(model: GgufModel) -> Iterator[str]:
    """Yields the address for a card. Raises RuntimeError with the server's log where it does not come up."""
    command = [sys.executable, "-c", SERVE, str(model.language), str(model.vision), MODEL, str(SLOTS)]
    log = model.language.with_name("server.log")
    with log.open("w") as told, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=told, text=True) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            if not address:
                raise RuntimeError(log.read_text()[-2000:])
            yield f"{address}/v1"
        finally:
            process.terminate()

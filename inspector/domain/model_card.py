"""The grammar of a model card (`models/*.yaml`): the checkpoint that judges, and its requirements. Pure."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from pydantic import Field, JsonValue, StringConstraints, ValidationInfo, field_validator

from inspector.domain.declared import Name, StrictModel

SERVER_ADDRESS: Final = re.compile(
    r"https?://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:(?P<port>[0-9]{1,5}))?(/[A-Za-z0-9._~/-]*)?"
)
VARIABLE_NAME: Final = re.compile(r"[A-Z_][A-Z0-9_]{0,127}")
RESERVED_REQUEST_KEYS: Final = frozenset(
    {"model", "messages", "n", "seed", "temperature", "top_p", "max_tokens", "logprobs", "top_logprobs", "stream"}
)


class Pixels(StrictModel):
    """The pixel budget of one picture. The engine resizes it to an area between these limits (pixels) and keeps its
    aspect ratio."""

    min: int = Field(ge=28 * 28, le=16_777_216, description="smaller pictures are enlarged to this area")
    max: int = Field(ge=28 * 28, le=16_777_216, description="larger pictures are reduced to this area")

    @field_validator("max")
    @classmethod
    def _ordered(cls, most: int, info: ValidationInfo) -> int:
        least = info.data.get("min", 0)
        if least > most:
            raise ValueError(f"{most} is below pixels.min {least}; use at least {least}")
        return most


class Server(StrictModel):
    """A server with OpenAI's chat completions API (vLLM, SGLang, Ray Serve LLM, llama.cpp), and its options.

    `model` is the name under which the server offers the model; the card's checkpoint is used where it is left out.
    `api_key_variable` names the environment variable that holds the key. `timeout_s` limits each request including all
    its `retries`. `max_n` limits the samples per request (llama.cpp returns no more than it has slots).

    `answers_begin` is how the server makes the model begin an answer as required. `prefill`: it continues an assistant
    message. `schema`: it enforces a JSON schema. `plain`: it can do neither. `extra` is sent with every request. Its
    default switches off the server's changes to the distribution before sampling.
    """

    base_url: str = Field(description="address of the API, such as http://HOST:8000/v1")
    model: Annotated[str, StringConstraints(min_length=1, max_length=255)] | None = Field(
        default=None, description="name under which the server serves it; empty: the card's checkpoint"
    )
    api_key_variable: str | None = Field(default=None, description="environment variable that holds the key")
    timeout_s: float = Field(default=30.0, ge=0.1, le=600.0, description="of a request with all its retries")
    connect_timeout_s: float = Field(default=2.0, ge=0.01, le=60.0, description="of one connection attempt")
    retries: int = Field(default=3, ge=0, le=10, description="after a lost connection, 429 or 503")
    max_n: int = Field(default=16, ge=1, le=64, description="samples in one request")
    answers_begin: Literal["prefill", "schema", "plain"] = Field(
        default="prefill", description="how the server makes an answer begin as asked"
    )
    extra: dict[str, JsonValue] = Field(
        default={"top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0},
        max_length=32,
        description="sent with every request",
    )

    @field_validator("base_url")
    @classmethod
    def _is_address(cls, base_url: str) -> str:
        if "@" in base_url:
            raise ValueError("contains a password; put the key in an environment variable named by api_key_variable")
        address = SERVER_ADDRESS.fullmatch(base_url)
        if not address or int(address["port"] or 1) not in range(1, 2**16):
            raise ValueError("is not the address of a server; write http://HOST:PORT/v1")
        return base_url.rstrip("/")

    @field_validator("api_key_variable")
    @classmethod
    def _is_variable_name(cls, name: str | None) -> str | None:
        if name is not None and not VARIABLE_NAME.fullmatch(
            name
        ):  # the name may be the key itself, so the fault must not show it
            raise ValueError("is not the name of an environment variable; write its NAME here, never the key")
        return name

    @field_validator("extra")
    @classmethod
    def _no_reserved_keys(cls, extra: dict[str, JsonValue]) -> dict[str, JsonValue]:
        taken = sorted(RESERVED_REQUEST_KEYS & extra.keys())
        if taken:
            raise ValueError(f"{', '.join(taken)} can't be set here: every request sets it; remove it")
        return extra


class ModelCard(StrictModel):
    """One model.

    `checkpoint` is a folder (relative to the card) or a hub id; `revision` pins a hub id. For a model on a server,
    these and `dtype` describe how the server was started; thresholds hold for that configuration only. `kv_gib` is the
    memory for the keys and values of parts in progress. It defaults to most of the memory that the weights leave free.
    `compile` lets torch compile the small operations of the decoder layers, which adds half a minute to each start. It
    defaults to on for a GPU, where it proves faster. `cuda_graphs` lets a GPU launch recurring work as a whole.
    """

    name: Name = Field(description="name of the card")
    engine: Literal["transformers", "openai", "stub"] = Field(
        default="transformers", description="in this process, on a server, or a stub for tests"
    )
    checkpoint: Annotated[str, StringConstraints(min_length=1, max_length=255)] = Field(
        description="folder relative to the card, or a hub id"
    )
    revision: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = Field(
        default=None, description="pins a hub id; on a server: change it with the weights"
    )
    dtype: Literal["float32", "bfloat16", "float16"] = Field(default="float32", description="type of the weights")
    pixels: Pixels = Field(description="area of frames and golden samples")
    zoom_pixels: Pixels | None = Field(default=None, description="area of details; empty: as pixels")
    kv_gib: float | None = Field(
        default=None, gt=0.0, le=1024.0, description="GiB for keys and values; empty: most of what is free"
    )
    compile: bool | None = Field(default=None, description="try torch.compile; empty: on a GPU only")
    cuda_graphs: bool = Field(default=True, description="launch recurring work as a whole; used on a GPU only")
    num_gpus: float = Field(
        default=0.0, ge=0.0, le=64.0, description="GPUs per replica; a share up to 1, or a whole number"
    )
    num_cpus: float = Field(default=1.0, ge=0.0, le=256.0, description="CPUs per replica")
    replicas: int = Field(default=1, ge=1, le=256, description="replicas at the start")
    max_replicas: int | None = Field(default=None, ge=1, le=256, description="replicas under load; empty: fixed")
    max_ongoing_requests: int = Field(default=16, ge=1, le=1024, description="parts per replica at once")
    server: Server | None = Field(default=None, validate_default=True, description="needed by engine: openai")

    @field_validator("num_gpus")
    @classmethod
    def _no_gpu_for_client(cls, num_gpus: float, info: ValidationInfo) -> float:
        if num_gpus and info.data.get("engine") == "openai":
            raise ValueError(f"{num_gpus:g} GPU would be reserved and unused: the server has its own; write 0")
        return num_gpus

    @field_validator("server")
    @classmethod
    def _matches_engine(cls, server: Server | None, info: ValidationInfo) -> Server | None:
        engine = info.data.get("engine", "openai" if server else "")
        if engine == "openai" and server is None:
            raise ValueError("is missing; add server: with the base_url that engine: openai connects to")
        if engine != "openai" and server is not None:
            raise ValueError(f"is not used by engine {engine}; write engine: openai, or remove it")
        return server

    @field_validator("num_gpus")
    @classmethod
    def _whole_or_share(cls, num_gpus: float) -> float:
        if num_gpus > 1.0 and not num_gpus.is_integer():
            raise ValueError(
                f"{num_gpus:g} is not possible: Ray shares only single GPUs; use up to 1 or a whole number"
            )
        return num_gpus

    @field_validator("max_replicas")
    @classmethod
    def _not_below_replicas(cls, most: int | None, info: ValidationInfo) -> int | None:
        replicas = info.data.get("replicas", 1)
        if most is not None and most < replicas:
            raise ValueError(f"{most} is below replicas {replicas}; use at least {replicas}")
        return most

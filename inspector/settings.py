"""Where this process runs: read from the environment (`INSPECTOR_…`) and `.env`, only by wiring and the command line.

What the factory wants stands in `pipelines/` and `models/`; nothing of that is set here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from inspector.messages.topics import DEFAULT_ROOT, Topics


class Settings(BaseSettings):
    """One installation. Every field is an environment variable INSPECTOR_<FIELD>."""

    model_config = SettingsConfigDict(
        env_prefix="INSPECTOR_", env_file=".env", extra="ignore", frozen=True, protected_namespaces=()
    )

    data: Path = Field(default=Path("var"), description="folder for the database, the pictures and logs")
    database_url: str = Field(default="", description="SQLAlchemy URL; empty: SQLite in the data folder")
    evidence_url: str = Field(default="", description="folder or fsspec URL for pictures; empty: in the data folder")
    claims: tuple[str, ...] = Field(default=(), description="folders or URLs that frame-ref messages may point into")

    broker_host: str = "127.0.0.1"
    broker_port: int = Field(default=1883, ge=1, le=65535)
    broker_protocol: Literal["5", "3.1.1"] = "5"
    broker_username: str | None = None
    broker_password: SecretStr | None = None
    broker_tls: bool = False
    topic_root: str = DEFAULT_ROOT
    site: str = Field(default="inspector", pattern=r"^[A-Za-z0-9_-]{1,32}$", description="prefix of MQTT client ids")

    model: Path = Field(default=Path("models/demo.yaml"), description="the model card whose checkpoint judges")
    replicas: int | None = Field(default=None, ge=1, description="model replicas; empty: as the card says")
    threads: int | None = Field(default=None, ge=1, description="CPU threads per replica; empty: cores / replicas")
    stations: int = Field(default=1, ge=1, le=64, description="stations; lines are shared out among them")
    window: int = Field(
        default=64, ge=1, le=4096, description="frames in hand per station, the rest waits on the broker"
    )
    margin_ms: float = Field(
        default=60.0, ge=0.0, description="the least kept of each deadline for storing and publishing"
    )

    console_host: str = "127.0.0.1"
    console_port: int = Field(default=8080, ge=1, le=65535)

    log: Literal["text", "json"] = Field(default="text", description="how every process logs; Ray's to data/logs")
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    metrics_port: int | None = Field(
        default=None, ge=1, le=65535, description="inspector serve has /metrics here too, beside the console's"
    )
    part_states: bool = Field(default=False, description="publish every change of a part's state over MQTT")

    @field_validator("topic_root")
    @classmethod
    def _is_root(cls, root: str) -> str:
        return Topics(root).root

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.data.absolute() / 'inspector.db'}"

    @property
    def evidence(self) -> str:
        return self.evidence_url or str(self.data.absolute() / "evidence")

    @property
    def logs(self) -> Path:
        return self.data.absolute() / "logs"

    @property
    def console_url(self) -> str:
        return f"http://{self.console_host}:{self.console_port}/"

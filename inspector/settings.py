"""Settings of this process: read from the environment (`INSPECTOR_…`) and `.env` by bootstrap and the command line
only.

The settings of lines and models are in `pipelines/` and `models/`; none of them is set here.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Final, Literal, Self, TypeVar
from urllib.parse import quote, urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from inspector.access.addresses import is_confidential, is_loopback
from inspector.access.roles import parse_group_roles
from inspector.errors import InspectorError
from inspector.messages.topics import DEFAULT_ROOT, ReplyTopics, Topics
from inspector.secret_texts import remember_environment, remember_secrets, remember_url
from inspector.statistics.calendar import read_shifts, read_zone

Listed = Annotated[tuple[str, ...], NoDecode]  # one value, several separated by commas, or a JSON list
RESOURCE_NAME = r"^([A-Za-z][A-Za-z0-9_-]{0,31})?$"
Value = TypeVar("Value")
OPTIONAL_FILES: Final = (  # settings that name a file; empty is none, and relative paths become absolute
    "broker_ca",
    "broker_certificate",
    "broker_key",
    "admin_password_file",
    "metrics_token_file",
    "evidence_access_key_file",
    "evidence_secret_key_file",
    "evidence_ca",
    "webhook_secret_file",
    "oidc_ca",
    "oidc_client_secret_file",
)

OTEL_HEADERS: Final = "secrets into OTEL_EXPORTER_OTLP_HEADERS"
S3_SETTINGS: Final = (
    "evidence_endpoint",
    "evidence_region",
    "evidence_access_key_file",
    "evidence_secret_key_file",
    "evidence_ca",
)
PLANT_SETTINGS: Final = (
    "database_url",
    "evidence_url",
    *S3_SETTINGS,
    "webhook_url",
    "webhook_secret_file",
    "traces_endpoint",
)


class Settings(BaseSettings):
    """The settings of one installation. Every field is an environment variable INSPECTOR_<FIELD>."""

    model_config = SettingsConfigDict(
        env_prefix="INSPECTOR_", env_file=".env", extra="ignore", frozen=True, protected_namespaces=()
    )

    data: Path = Field(default=Path("var"), description="folder for the database, the pictures and logs")
    database_url: str = Field(default="", repr=False, description="SQLAlchemy URL; empty: SQLite in the data folder")
    evidence_url: str = Field(
        default="", repr=False, description="folder or fsspec URL for pictures; empty: in the data folder"
    )
    evidence_endpoint: str = Field(
        default="", description="URL of the S3 server, such as https://s3.plant.example:9000; empty: Amazon's"
    )
    evidence_region: str = Field(default="", description="region of the bucket; empty: as the AWS configuration says")
    evidence_access_key_file: Path | None = Field(
        default=None, description="file with the bucket's access key; empty: as the AWS tools find theirs"
    )
    evidence_secret_key_file: Path | None = Field(default=None, description="file with the secret of the access key")
    evidence_ca: Path | None = Field(
        default=None, description="PEM file of the authorities that sign the S3 server's certificate"
    )
    evidence_spool_mib: int = Field(
        default=4096,
        ge=1,
        le=1_048_576,
        description="MiB of pictures that a machine keeps in the data folder while the S3 server is away",
    )
    claims: Listed = Field(
        default=(),
        repr=False,
        description="folders or URLs in which frame-ref pictures may lie: one, several with commas, or a JSON list",
    )

    broker_host: str = Field(default="127.0.0.1", description="host name or address of the MQTT broker")
    broker_port: int = Field(default=1883, ge=1, le=65535, description="port of the broker; 8883 is usual with TLS")
    broker_protocol: Literal["5", "3.1.1"] = Field(default="5", description="MQTT version that the broker speaks")
    broker_username: str | None = Field(default=None, description="user name at the broker")
    broker_password: SecretStr | None = Field(default=None, description="password at the broker; never logged")
    broker_tls: bool = Field(default=False, description="encrypt the connection to the broker")
    broker_ca: Path | None = Field(
        default=None, description="PEM file of the authorities that sign the broker's certificate; empty: the system's"
    )
    broker_certificate: Path | None = Field(default=None, description="PEM file of this client's certificate")
    broker_key: Path | None = Field(
        default=None, description="PEM file of the certificate's key; empty: it is in the certificate's file"
    )
    broker_key_password: SecretStr | None = Field(default=None, description="password of an encrypted key")
    broker_server_name: str | None = Field(
        default=None, description="name in the broker's certificate, where it is not the host that is called"
    )
    topic_root: str = Field(default=DEFAULT_ROOT, description="root of all topics; one per plant")
    reply_roots: Listed = Field(
        default=(), description="topic roots, outside topic_root, to which a frame's Response-Topic may point"
    )
    site: str = Field(default="inspector", pattern=r"^[A-Za-z0-9_-]{1,32}$", description="prefix of MQTT client ids")

    model: Path = Field(default=Path("models/demo.yaml"), description="model card of the model that judges")
    replicas: int | None = Field(default=None, ge=1, description="model replicas; empty: as the card says")
    threads: int | None = Field(default=None, ge=1, description="CPU threads per replica; empty: cores / replicas")
    stations: int = Field(
        default=1, ge=1, le=64, description="number of stations; a hash of its name assigns each line to one"
    )
    station_niceness: int = Field(
        default=-10,
        ge=-20,
        le=19,
        description="priority of a station's process, as of `nice`; below 0 the system must permit it (systemd: "
        "LimitNICE), else the process keeps its own",
    )
    window: int = Field(
        default=64,
        ge=1,
        le=4096,
        description="frames that a station works on at once; further ones wait, and their cameras take turns",
    )
    waiting_mib: int = Field(
        default=64, ge=1, le=65536, description="MiB of frames that wait in a station until it is their camera's turn"
    )
    receive_maximum: int = Field(
        default=4096,
        ge=1,
        le=65535,
        description="frames that the broker delivers before the first is acknowledged; while the ledger is away as "
        "many get their fail-safe",
    )
    margin_ms: float = Field(
        default=60.0,
        ge=0.0,
        description="milliseconds of each deadline that are always reserved for storing and publishing",
    )

    model_resource: str = Field(
        default="", pattern=RESOURCE_NAME, description="custom Ray resource of the nodes for replicas; empty: any node"
    )
    station_resource: str = Field(
        default="", pattern=RESOURCE_NAME, description="custom Ray resource of the nodes for stations; empty: any node"
    )
    console_resource: str = Field(
        default="",
        pattern=RESOURCE_NAME,
        description="custom Ray resource of the node for the console; empty: any node",
    )

    console_host: str = Field(default="127.0.0.1", description="address on which console and API listen")
    console_names: Listed = Field(
        default=(), description="further host names under which browsers and proxies may ask for console and API"
    )
    console_port: int = Field(default=8080, ge=1, le=65535, description="port of console and API")
    console_proxies: Listed = Field(
        default=(), description="addresses of proxies that tell the browser's address and https by X-Forwarded headers"
    )
    login: Literal["required", "off"] = Field(
        default="required", description="whether console and API ask who somebody is; off: on loopback only"
    )
    admin_password_file: Path | None = Field(
        default=None, description="file with the password of the user admin, who is made where there are no users yet"
    )
    metrics_token_file: Path | None = Field(
        default=None, description="file with the token that Prometheus reads /metrics with"
    )

    webhook_url: str = Field(
        default="", repr=False, description="web address that alarms are posted to, such as https://HOST/PATH"
    )
    webhook_secret_file: Path | None = Field(
        default=None, description="file with the secret that signs what is posted to webhook_url"
    )
    webhook_severity: Literal["INFO", "WARNING", "ALARM"] = Field(
        default="ALARM", description="least severe events that are posted to webhook_url"
    )

    oidc_issuer: str = Field(
        default="",
        description="address of the identity provider where people log in (OpenID Connect); empty: local accounts only",
    )
    oidc_client_id: str = Field(default="", validate_default=True, description="name of this console at the provider")
    oidc_client_secret_file: Path | None = Field(
        default=None, description="file with this console's secret at the provider; empty: a public client"
    )
    oidc_ca: Path | None = Field(
        default=None,
        description="PEM file of the authorities of the provider's certificate; empty: the system's",
    )
    oidc_scopes: Listed = Field(
        default=("openid", "profile"), description="what is asked of the provider; some give groups only for a scope"
    )
    oidc_name_claim: str = Field(default="preferred_username", min_length=1, description="claim with the user's name")
    oidc_groups_claim: str = Field(default="groups", min_length=1, description="claim with the user's groups")
    oidc_roles: Listed = Field(
        default=(),
        validate_default=True,
        description="what the provider's groups may do: GROUP=ROLE or GROUP=ROLE@LINE, several with commas",
    )

    time_zone: str = Field(default="UTC", description="time zone of the plant, such as Asia/Seoul")
    shifts: Listed = Field(
        default=(),
        description="times at which shifts begin, such as 06:00,14:00,22:00; the first begins the day. Empty: midnight",
    )

    log: Literal["text", "json"] = Field(
        default="text", description="format of all logs; processes that Ray starts log to data/logs"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="least severe level that is logged"
    )
    log_mib: int = Field(
        default=50, ge=1, le=100_000, description="MiB that the log files of one process take at most; the oldest go"
    )
    metrics_port: int | None = Field(
        default=None, ge=1, le=65535, description="further port on which inspector serve offers /metrics"
    )
    traces_endpoint: str = Field(
        default="",
        description="address of an OpenTelemetry collector (OTLP over HTTP), such as http://collector:4318; empty: as "
        "OTEL_EXPORTER_OTLP_ENDPOINT says, else no traces",
    )
    part_states: bool = Field(default=False, description="publish every change of a part's state over MQTT")

    @field_validator(
        "claims",
        "reply_roots",
        "console_names",
        "console_proxies",
        "shifts",
        "oidc_scopes",
        "oidc_roles",
        mode="before",
    )
    @classmethod
    def _listed(cls, text: object) -> object:
        """Read a list as people write it."""
        if not isinstance(text, str):
            return text
        if not text.lstrip().startswith("["):
            return tuple(each.strip() for each in text.split(",") if each.strip())
        try:
            return tuple(json.loads(text))
        except ValueError as error:
            raise ValueError(f"is no JSON list ({error}); write one value, or several separated by commas") from error

    @field_validator(*OPTIONAL_FILES, mode="before")
    @classmethod
    def _empty_is_none(cls, path: object) -> object:
        return None if path == "" else path

    @field_validator("broker_ca", "broker_certificate", "broker_key", "broker_key_password", "broker_server_name")
    @classmethod
    def _has_effect(cls, value: Value, info: ValidationInfo) -> Value:
        if value and not info.data.get("broker_tls"):
            raise ValueError("has no effect without TLS; set INSPECTOR_BROKER_TLS=true, or remove it")
        return value

    @field_validator(*S3_SETTINGS)
    @classmethod
    def _is_about_s3(cls, value: Value, info: ValidationInfo) -> Value:
        if value and not info.data.get("evidence_url", "").startswith("s3://"):
            raise ValueError("is about S3; set INSPECTOR_EVIDENCE_URL=s3://bucket/prefix, or remove it")
        return value

    @field_validator("evidence_endpoint", "traces_endpoint")
    @classmethod
    def _is_endpoint(cls, url: str, info: ValidationInfo) -> str:
        parts = urlsplit(url)
        if url and (parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc):
            elsewhere = "the keys into files" if info.field_name == "evidence_endpoint" else OTEL_HEADERS
            raise ValueError(f"is no URL of a server; write https://host:port, and {elsewhere}")
        return url

    @model_validator(mode="after")
    def _has_both_keys(self) -> Self:
        if (self.evidence_access_key_file is None) != (self.evidence_secret_key_file is None):
            raise ValueError(
                "INSPECTOR_EVIDENCE_ACCESS_KEY_FILE and INSPECTOR_EVIDENCE_SECRET_KEY_FILE belong together; set both"
            )
        return self

    @field_validator("broker_key", "broker_key_password")
    @classmethod
    def _has_certificate(cls, value: Value, info: ValidationInfo) -> Value:
        if value and info.data.get("broker_certificate") is None:
            raise ValueError("needs a certificate; set INSPECTOR_BROKER_CERTIFICATE, or remove it")
        return value

    @field_validator("login")
    @classmethod
    def _asks_others(cls, login: str, info: ValidationInfo) -> str:
        host = info.data.get("console_host", "")
        if login == "off" and not is_loopback(host):
            raise ValueError(
                f"is off, but INSPECTOR_CONSOLE_HOST is {host}: anybody in the network could change lines; "
                "remove one of both"
            )
        return login

    @field_validator("webhook_secret_file")
    @classmethod
    def _signs_something(cls, file: Path | None, info: ValidationInfo) -> Path | None:
        if file and not info.data.get("webhook_url"):
            raise ValueError("signs nothing without a receiver; set INSPECTOR_WEBHOOK_URL, or remove it")
        return file

    @field_validator("oidc_issuer")
    @classmethod
    def _is_encrypted(cls, issuer: str) -> str:
        if issuer and not is_confidential(issuer):
            raise ValueError(f"{issuer!r} is no https address; write it as the provider's documents do")
        return issuer

    @field_validator("oidc_client_id", "oidc_roles")
    @classmethod
    def _is_there_with_issuer(cls, value: Value, info: ValidationInfo) -> Value:
        if info.data.get("oidc_issuer") and not value:
            raise ValueError("is empty, but INSPECTOR_OIDC_ISSUER is set; without it nobody could log in there")
        return value

    @field_validator("oidc_client_id", "oidc_client_secret_file", "oidc_ca", "oidc_roles")
    @classmethod
    def _has_issuer(cls, value: Value, info: ValidationInfo) -> Value:
        if value and not info.data.get("oidc_issuer", "unreadable"):
            raise ValueError("has no effect without a provider; set INSPECTOR_OIDC_ISSUER, or remove it")
        return value

    @field_validator("oidc_scopes")
    @classmethod
    def _asks_for_openid(cls, scopes: tuple[str, ...]) -> tuple[str, ...]:
        if "openid" not in scopes:
            raise ValueError("lacks openid; the provider then tells nobody's identity")
        return scopes

    @field_validator("oidc_roles")
    @classmethod
    def _are_group_roles(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        try:
            parse_group_roles(texts)
        except InspectorError as error:
            raise ValueError(str(error)) from error
        return texts

    @field_validator("topic_root")
    @classmethod
    def _is_root(cls, root: str) -> str:
        return Topics(root).root

    @field_validator("reply_roots")
    @classmethod
    def _are_reply_roots(cls, roots: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        ReplyTopics(Topics(info.data.get("topic_root", DEFAULT_ROOT)), roots)
        return roots

    @field_validator("time_zone")
    @classmethod
    def _is_zone(cls, name: str) -> str:
        return read_zone(name).key

    @field_validator("shifts")
    @classmethod
    def _are_shifts(cls, shifts: tuple[str, ...]) -> tuple[str, ...]:
        read_shifts(shifts)
        return shifts

    def apart(self, data: Path, **changes: object) -> Self:
        """Return the settings of an installation of its own in this folder, for demo and benchmarks: its ledger and
        pictures are its own, and it sends the plant no alarms."""
        own = {name: type(self).model_fields[name].default for name in PLANT_SETTINGS}
        return self.model_copy(update={**own, "data": data, **changes})

    def remember_secrets(self) -> None:
        """Keep the secrets of these settings, and of the environment, out of all that this process writes."""
        remember_environment(os.environ)
        for url in (self.database_url, self.evidence_url, *self.claims, self.webhook_url):
            remember_url(url)
        remember_secrets([self.webhook_url])
        if self.broker_password is not None:
            remember_secrets([self.broker_password.get_secret_value()])

    @property
    def database(self) -> str:
        return self.database_url or sqlite_url(self.data.absolute() / "inspector.db")

    @property
    def evidence(self) -> str:
        return self.evidence_url or str(self.data.absolute() / "evidence")

    @property
    def logs(self) -> Path:
        return self.data.absolute() / "logs"

    @property
    def console_url(self) -> str:
        return f"http://{self.console_host}:{self.console_port}/"


def sqlite_url(file: Path) -> str:
    """Return the URL of a database file. Characters of its path that mean something in a URL are quoted."""
    return f"sqlite:///{quote(str(file))}"

"""mosquitto as the local broker: where it is installed, and a configuration that loses nothing.

By default its queue is small, it drops messages beyond it after acknowledging them, and a restart keeps only the last
save.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

PACKET_OVERHEAD_BYTES: Final = 64 * 1024
"""Room for topic and properties in addition to the payload."""


def find() -> str | None:
    """Return mosquitto's path. Debian installs it in /usr/sbin, which is not on every PATH."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


def config(folder: Path, host: str, port: int, *, message_bytes: int, queue_bytes: int) -> str:
    """Return its configuration file. `queue_bytes` limits what it holds for one consumer."""
    settings: dict[str, str | int] = {
        "listener": f"{port} {host}",
        "allow_anonymous": "true",
        "set_tcp_nodelay": "true",
        "persistence": "true",
        "persistence_location": f"{folder}/",
        "autosave_interval": 10,
        "max_inflight_messages": 0,
        "max_queued_messages": 65000,
        "max_queued_bytes": queue_bytes,
        "message_size_limit": message_bytes,
        "max_packet_size": message_bytes + PACKET_OVERHEAD_BYTES,
        "log_dest": "stderr",
        "log_timestamp_format": "%Y-%m-%dT%H:%M:%S",
    }
    if os.geteuid() == 0:
        settings["user"] = "root"  # otherwise it changes to the user mosquitto, which can't write into the folder
    return "".join(f"{name} {value}\n" for name, value in settings.items())

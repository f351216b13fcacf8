"""mosquitto as the local broker: where it is installed, and how it is told to lose nothing.

It drops what exceeds its queue after it told the publisher that it has it, and its default queue is small; what it
holds outlives it only as of its last save.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

PACKET_OVERHEAD: Final = 64 * 1024
"""Room for topic and properties beside the payload."""


def find() -> str | None:
    """Debian puts it into /usr/sbin, which is not on everybody's PATH."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


def config(folder: Path, host: str, port: int, *, message_bytes: int, queue_bytes: int) -> str:
    """Its configuration file. `queue_bytes` bounds what it keeps for one consumer."""
    settings: dict[str, str | int] = {
        "listener": f"{port} {host}",
        "allow_anonymous": "true",
        "set_tcp_nodelay": "true",
        "persistence": "true",
        "persistence_location": f"{folder}/",
        "autosave_interval": 10,
        "max_inflight_messages": 100,
        "max_queued_messages": 65000,
        "max_queued_bytes": queue_bytes,
        "message_size_limit": message_bytes,
        "max_packet_size": message_bytes + PACKET_OVERHEAD,
        "log_dest": "stderr",
        "log_timestamp_format": "%Y-%m-%dT%H:%M:%S",
    }
    if os.geteuid() == 0:
        settings["user"] = "root"  # else it becomes the user mosquitto, who can't write into the folder
    return "".join(f"{name} {value}\n" for name, value in settings.items())

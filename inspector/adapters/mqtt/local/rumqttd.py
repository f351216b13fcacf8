"""The bundled broker, for a machine without mosquitto: rumqttd, which iotcore carries as a compiled module.

Unlike mosquitto it

- keeps its queues in memory: they survive its clients, not itself;
- sends up to 100 unacknowledged messages, whatever the client's receive maximum is;
- takes acknowledgements only in the order of delivery, as MQTT-4.6.0-2 requires: the first one out of order costs a
  message and the connection (`ack_order.py`);
- speaks MQTT 5 here and 3.1.1 only on another port: a client id used on both can end it.
"""

from __future__ import annotations

import logging
import re
import sys
from pathlib import Path
from typing import Final

QUEUE_SEGMENTS: Final = 16
"""Into how many pieces a queue is cut; when it is full its oldest piece is dropped whole."""

NOISE_PATTERN: Final = re.compile(r"(\[[<>]\] )?[\w-]+;|no-connection id \d+ is already gone")
"""What rumqttd logs as an ERROR and is none: the steps of every packet, and the end of every connection."""
OVERFLOW_PATTERN: Final = re.compile(
    r"jumped from \(\d+, (?P<read>\d+)\) to \(\d+, (?P<oldest>\d+)\) on (?P<filter>[^\"]+)"
)

CONFIG: Final = """\
id = 0

[router]
id = 0
max_connections = 100
max_outgoing_packet_count = 200
max_segment_size = {segment_bytes}
max_segment_count = {segments}

[v5.1]
name = "v5"
listen = "{host}:{port}"
next_connection_delay_ms = 1
connections = {{ connection_timeout_ms = 5000, max_payload_size = {message_bytes}, max_inflight_count = 100 }}
"""


def config(host: str, port: int, *, message_bytes: int, queue_bytes: int) -> str:
    """Return rumqttd's configuration. `queue_bytes` limits what it holds for one topic filter."""
    return CONFIG.format(
        host=host,
        port=port,
        message_bytes=message_bytes,
        segment_bytes=queue_bytes // QUEUE_SEGMENTS,
        segments=QUEUE_SEGMENTS,
    )


class LogFilter(logging.Filter):
    """Leaves out noise, and explains what a queue overflow cost."""

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        if overflow := OVERFLOW_PATTERN.search(text):
            lost = int(overflow["oldest"]) - int(overflow["read"])
            record.msg = f"queue overflow on {overflow['filter']}: {lost} messages dropped before they were read"
            record.args = ()
        return not NOISE_PATTERN.match(text)


def start_logging() -> None:
    """Log warnings and errors to stderr."""
    handler = logging.StreamHandler()
    handler.addFilter(LogFilter())
    line = "%(asctime)s %(levelname)s %(name)s: %(message)s"
    logging.basicConfig(level=logging.WARNING, handlers=[handler], format=line)


def run(config_file: Path) -> None:
    """Serve until the process ends. Raises OSError if a port is taken."""
    from iotcore import Broker

    Broker(config_path=str(config_file)).run_forever()


if __name__ == "__main__":
    start_logging()
    run(Path(sys.argv[1]))

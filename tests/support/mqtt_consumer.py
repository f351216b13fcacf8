"""A consumer in a process of its own, to be killed: `python mqtt_consumer.py PORT CLIENT_ID ACKNOWLEDGED DIES_AFTER`.

Takes up the session of CLIENT_ID and prints the number at the start of each payload; acknowledges the first so many;
kills itself after so many.
"""

from __future__ import annotations

import os
import signal
import sys
from itertools import count

from paho.mqtt.client import Client, MQTTMessage

from inspector.adapters.mqtt.check.session import session_options
from inspector.adapters.mqtt.connection import Broker, new_client


def main(port: int, client_id: str, acknowledged: int, dies_after: int) -> None:
    broker = Broker(port=port)
    client = new_client(broker, client_id, persistent=True, manual_ack=True)
    arrivals = count(1)

    def receive(client: Client, _user: object, message: MQTTMessage) -> None:
        number = next(arrivals)
        print(int(message.payload[:8]), flush=True)
        if number <= acknowledged:
            client.ack(message.mid, message.qos)
        if number == dies_after:
            os.kill(os.getpid(), signal.SIGKILL)

    client.on_message = receive
    client.connect(broker.host, broker.port, **session_options(broker, fresh=False, keep_s=3600))
    client.loop_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))

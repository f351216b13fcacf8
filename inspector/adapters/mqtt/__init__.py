"""MQTT: receives frames, acknowledgements and counts, publishes verdicts, reports and events.

Imported by `bootstrap`, `operations`, `cli` and the lab. Only this room imports paho; it knows no lines, models or
databases.
"""

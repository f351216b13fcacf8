"""The MQTT contract: topics, payloads in and out, their schemas and examples.

`adapters`, `station`, `cli`, `operations` and `lab` may import it; it imports `ports` and `domain` only. It never
connects to a broker and never decides about a part.
"""

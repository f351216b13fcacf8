"""Metrics and logs: the page that Prometheus reads, and log lines for people and machines.

Imported by `bootstrap`, `operations` and `cli`. Only this room imports prometheus_client; it knows no databases or
brokers.
"""

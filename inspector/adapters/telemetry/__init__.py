"""The door to those who watch the service: the page that Prometheus reads, and logs that machines read.

Knows prometheus_client; nothing of databases or brokers.
"""

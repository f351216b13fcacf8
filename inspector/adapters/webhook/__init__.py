"""Alarms to a web address: each event of at least one severity, signed, repeated until the receiver has it.

Imported by `bootstrap` and `operations`. Knows HTTP and ports; no databases, brokers or models.
"""

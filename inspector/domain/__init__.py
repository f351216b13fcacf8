"""The rules and values of inspection: frames, pipelines, votes, decisions, parts, reviews and reconciliation.

Every other room except `errors` and `text` may import it. It uses the standard library, pydantic and scipy only. It
never reads a file, a clock, a database or a network, with one exception: a `Frame` records its receipt time.
"""

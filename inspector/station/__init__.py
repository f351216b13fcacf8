"""The station at the line: one frame in, one record and one verdict out (`Station.inspect`).

Imported by `bootstrap`, `operations` and tests. Knows ports only: never a broker, database, Ray or model library.
"""

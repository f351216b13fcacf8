"""A line's life: states and the right to pass parts. Application services for commands and the REST API.

Imported by `bootstrap`, `operations` and tests. Knows ports only: never databases, brokers, models or web frameworks.
"""

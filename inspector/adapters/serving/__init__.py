"""Ray Serve: model replicas, stations and console as deployments, and the pool as stations use it.

Imported by `bootstrap` and `operations`. Only this room imports Ray; it knows no broker, database or model library.
"""

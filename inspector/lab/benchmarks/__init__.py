"""Benchmarks of the engine: contestants on the same weights, the limits of the device, time and memory of each run.

Imported by `operations.bench_engine` only. Never imported by the service.
"""

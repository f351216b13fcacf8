"""MMAD (Jiang et al., ICLR 2025), the public benchmark of multiple-choice questions about industrial pictures.

`operations` and `cli` import this package; the service never does. It holds no pictures of the benchmark.
"""

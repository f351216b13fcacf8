"""Measure how good decisions are: strategies on recorded answers, stopping rules on simulated votes, and MMAD.

`operations` and `cli` import this package; the service never does. It asks models through the engine's port only.
"""

"""Fault injection on this machine: a real broker, the real service and a virtual line run while processes are killed.

Shows that no part is lost, decided twice, or passed without proof. Imported by `operations.chaos` only. Never changes
the service: it kills, freezes and disconnects from outside, then compares what was sent, stored and received.
"""

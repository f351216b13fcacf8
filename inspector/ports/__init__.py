"""The neighbours of the application, as Protocols with their data: one module per neighbour.

Adapters implement these protocols; `station`, `judging` and `tuning` call them. The room imports `domain` only. It
never contains an implementation, and never names a library of a neighbour (numpy's array type excepted).
"""

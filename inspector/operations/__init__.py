"""What a command does, without its options and its output: one module per command, plus what several of them share.

Only `cli` (and the tests) import this package. A function gets plain values and progress callbacks, and returns values
that are ready for tables and JSON. It never reads the command line and never prints.
"""

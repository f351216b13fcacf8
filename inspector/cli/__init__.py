"""The command line: one file per command, in folders that mirror the commands (`inspector eval folder` is
`cli/eval/folder.py`).

A file declares the options of its command, calls one function of `operations` and prints the result. Tables that
several commands share are in `cli/tables`. Only `__main__` imports this package. It never decides anything about parts
or lines, and it imports heavy packages inside commands only, so that `--help` stays fast.
"""

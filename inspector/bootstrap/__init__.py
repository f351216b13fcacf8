"""Connects the parts of the service to each other, as the settings say.

The `open_*` functions run inside the processes that Ray Serve starts. Imported by `operations`, `cli` and tests; never
imports the lab. Only this room and the commands read settings.
"""

"""The whole product for a long time on this machine: what processes hold, how large files become, how late it is.

Shows that memory, handles and threads stay flat, and that logs and pictures keep their limits. Imported by
`operations.soak` only. Starts the plant of `lab.chaos` and breaks nothing.
"""

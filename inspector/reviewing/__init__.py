"""What people say about parts: which part comes next to whom, which answers are accepted, and what counts as the truth.

Called by the REST API and by commands. Knows ports only.
"""

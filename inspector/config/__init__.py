"""From YAML text to a pipeline or model card, or to all faults of the text at once.

`cli`, `operations`, `bootstrap`, `adapters` and `lab` may import it; it imports `domain` and `errors` only. It never
opens a file and never changes a declaration.
"""

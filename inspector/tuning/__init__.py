"""Better settings from stored votes: learned values, cheaper ladders, and checklists, each with its effect on past
parts.

`operations`, `cli` and `lab` may import it; it imports `judging`, `ports` and `domain`. It never changes a live line:
it returns values, and people decide. Only `checklist_writer` asks a model.
"""

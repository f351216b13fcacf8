"""Figures about lines and reviewers over time: defect Pareto, first-pass yield, escapes and overkill, throughput.

Imported by `bootstrap`, `operations` and the console. Knows ports only, and reads sums: it never counts parts.
"""

"""Teaching a line: methods over patch features, their choice by cross-validation, limits and rights. Pure numbers.

Imported by `judging`, `adapters`, `operations` and the lab. Knows numpy and scipy; never files, models or databases.
"""

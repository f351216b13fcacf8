"""Backup of the ledger: a snapshot of all tables, and restoring it into a database of either kind.

Imported by `operations.backup` and `operations.restore`. Knows tables; never files or archives.
"""

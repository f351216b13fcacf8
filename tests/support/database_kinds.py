"""The kinds of database that every test of the ledger runs on."""

KINDS = ("sqlite", "postgresql")

"""The commands of `inspector db`: maintenance of the ledger's database."""

"""`inspector db rebuild-statistics`."""

from __future__ import annotations

from inspector.cli.options import AsJson, read_database_url
from inspector.cli.output import print_json, print_status


def db_rebuild_statistics(as_json: AsJson = False) -> None:
    """Compare the sums behind totals and statistics with the stored parts, and correct what differs.

    The service keeps the sums by itself; this is for a database that was changed by hand. Lines may run meanwhile.
    """
    from inspector.adapters.ledger import masked_url, rebuild_sums

    database = read_database_url()
    corrected = rebuild_sums(database)
    if as_json:
        print_json({"database": masked_url(database), "corrected": corrected})
    else:
        print_status(f"{masked_url(database)}: {corrected or 'no'} sums corrected")

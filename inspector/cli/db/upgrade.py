"""`inspector db upgrade`."""

from __future__ import annotations

from inspector.cli.options import AsJson, read_settings
from inspector.cli.output import print_json, print_status


def db_upgrade(as_json: AsJson = False) -> None:
    """Upgrade the database to this program's schema. Refuses a database of a newer program."""
    from inspector.adapters.ledger import masked_url, schema_state, upgrade
    from inspector.bootstrap.from_settings import absolute

    settings = absolute(read_settings())
    settings.data.mkdir(parents=True, exist_ok=True)
    before, _ = schema_state(settings.database)
    upgrade(settings.database)
    after, _ = schema_state(settings.database)
    if as_json:
        print_json({"database": masked_url(settings.database), "before": before, "after": after})
    else:
        print_status(f"{masked_url(settings.database)}: {before or 'empty'} → {after}")

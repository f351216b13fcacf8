"""`inspector user list`."""

from __future__ import annotations

from inspector.cli.options import AsJson, read_settings
from inspector.cli.output import print_json
from inspector.cli.user.options import print_users


def user_list(as_json: AsJson = False) -> None:
    """List all users with their roles, disabled ones included."""
    from inspector.bootstrap.from_settings import absolute
    from inspector.operations.people import people_of, user_json

    with people_of(absolute(read_settings())) as people:
        users = people.users.all()
    if as_json:
        print_json([user_json(user) for user in users])
    else:
        print_users(users)

"""`inspector user roles`."""

from __future__ import annotations

from inspector.cli.options import AsJson, read_settings
from inspector.cli.user.options import Roles, UserName, print_user


def user_roles(name: UserName, role: Roles, as_json: AsJson = False) -> None:
    """Replace the roles of a user. They count from the user's next request on."""
    from inspector.access.roles import parse_roles
    from inspector.bootstrap.from_settings import absolute
    from inspector.operations.line_states import user_name
    from inspector.operations.people import people_of

    with people_of(absolute(read_settings())) as people:
        print_user(people.users.set_roles(name, parse_roles(role), user_name()), as_json)

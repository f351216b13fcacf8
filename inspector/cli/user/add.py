"""`inspector user add`."""

from __future__ import annotations

from inspector.cli.options import AsJson, read_settings
from inspector.cli.user.options import Generate, PasswordFile, Roles, UserName, chosen_password, print_user


def user_add(
    name: UserName, role: Roles, password_file: PasswordFile = None, generate: Generate = False, as_json: AsJson = False
) -> None:
    """Add a user. Asks for the password, unless a file holds it or one is made.

    The first user needs the role admin: [bold]inspector user add NAME --role admin[/]
    """
    from inspector.access.roles import parse_roles
    from inspector.bootstrap.from_settings import absolute
    from inspector.operations.line_states import user_name
    from inspector.operations.people import people_of

    settings, roles = absolute(read_settings()), parse_roles(role)
    with people_of(settings) as people:
        password, is_made = chosen_password(password_file, generate)
        user = people.users.add(name, roles, password, user_name())
    print_user(user, as_json, password if is_made else None)

"""`inspector user reset`."""

from __future__ import annotations

from inspector.cli.options import AsJson, read_settings
from inspector.cli.user.options import Generate, PasswordFile, UserName, chosen_password, print_user


def user_reset(
    name: UserName, password_file: PasswordFile = None, generate: Generate = False, as_json: AsJson = False
) -> None:
    """Give a user another password. Ends all logins of the user, and enables a disabled one."""
    from inspector.bootstrap.from_settings import absolute
    from inspector.operations.line_states import user_name
    from inspector.operations.people import people_of

    with people_of(absolute(read_settings())) as people:
        people.users.user(name)
        password, is_made = chosen_password(password_file, generate)
        user = people.users.reset(name, password, user_name())
    print_user(user, as_json, password if is_made else None)

"""`inspector user disable` and `inspector user enable`."""

from __future__ import annotations

from inspector.cli.options import AsJson, read_settings
from inspector.cli.user.options import UserName, print_user


def user_disable(name: UserName, as_json: AsJson = False) -> None:
    """End the logins of a user and refuse new ones. Tokens of the user stop working; what the user did stays."""
    from inspector.bootstrap.from_settings import absolute
    from inspector.operations.line_states import user_name
    from inspector.operations.people import people_of

    with people_of(absolute(read_settings())) as people:
        print_user(people.users.disable(name, user_name()), as_json)


def user_enable(name: UserName, as_json: AsJson = False) -> None:
    """Let a disabled user log in again."""
    from inspector.bootstrap.from_settings import absolute
    from inspector.operations.line_states import user_name
    from inspector.operations.people import people_of

    with people_of(absolute(read_settings())) as people:
        print_user(people.users.enable(name, user_name()), as_json)

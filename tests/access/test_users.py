"""Users: their names, passwords and roles, and that somebody is always left who may manage them."""

from __future__ import annotations

from contextlib import closing

import pytest
from support.databases import fetch
from support.people import PASSWORD, Plant

from inspector.access.roles import bounded, exceeds, parse_roles, role_texts
from inspector.access.sessions import Client
from inspector.adapters.ledger import SqlPeople
from inspector.domain.person import Role
from inspector.errors import ConflictError, InspectorError, NotFoundError
from inspector.ports.access import UserChange

CLIENT = Client("10.0.0.7")


def test_user_is_stored_with_roles_and_without_password(plant: Plant) -> None:
    plant.users.add("bob", parse_roles(["viewer", "reviewer@pcb"]), PASSWORD, "ann")
    assert role_texts(plant.users.user("bob").roles) == ["viewer", "reviewer@pcb"]
    [(stored,)] = fetch(plant.url, "SELECT password FROM users WHERE name = 'bob'")
    assert stored.startswith("$argon2id$")
    assert PASSWORD not in str(fetch(plant.url, "SELECT detail FROM audit"))
    assert plant.actions() == [("cli:root", "user.add", "ann"), ("ann", "user.add", "bob")]


@pytest.mark.parametrize("name", ["", "Bob", "cli:root", "token:x", "a b", "demo", "cli", "x" * 65, "bob\n"])
def test_names_that_the_audit_could_confuse_are_refused(plant: Plant, name: str) -> None:
    with pytest.raises(InspectorError, match="name: "):
        plant.users.add(name, {"*": Role.VIEWER}, PASSWORD, "ann")


@pytest.mark.parametrize(
    "password", ["", "short", "aaaaaaaaaaaaaaaa", "my bob is my castle", "x1y2z" * 60, "tab\ttab tab 1"]
)
def test_passwords_that_are_easily_guessed_are_refused(plant: Plant, password: str) -> None:
    with pytest.raises(InspectorError, match="password: "):
        plant.users.add("bob", {"*": Role.VIEWER}, password, "ann")
    assert len(plant.users.all()) == 1


def test_name_is_taken_once(plant: Plant) -> None:
    with pytest.raises(ConflictError, match="there is a user ann already"):
        plant.users.add("ann", {"*": Role.VIEWER}, PASSWORD, "ann")
    assert len(plant.actions()) == 1


def test_last_administrator_stays(plant: Plant) -> None:
    with pytest.raises(ConflictError, match="nobody could manage users"):
        plant.users.disable("ann", "ann")
    with pytest.raises(ConflictError, match="nobody could manage users"):
        plant.users.set_roles("ann", {"*": Role.ENGINEER}, "ann")
    plant.users.add("bob", {"*": Role.ADMIN}, PASSWORD, "ann")
    assert plant.users.disable("ann", "bob").disabled_at is not None


def test_change_is_stored_whole_or_not_at_all(plant: Plant) -> None:
    plant.users.add("bob", {"*": Role.VIEWER}, PASSWORD, "ann")
    before, stored = plant.users.all(), plant.actions()
    change = UserChange(roles={"*": Role.ADMIN, "pcb": Role.VIEWER}, is_disabled=True)
    with pytest.raises(ConflictError, match="nobody could manage users"):
        plant.users.change("ann", change, "ann")
    assert (plant.users.all(), plant.actions()) == (before, stored)
    bob = plant.users.change("bob", change, "ann")
    assert (bob.roles, bob.disabled_at is None) == (change.roles, False)
    assert plant.actions()[len(stored) :] == [("ann", "user.roles", "bob"), ("ann", "user.disable", "bob")]


def test_first_user_is_an_administrator(blank: str) -> None:
    from inspector.access.users import Users
    from inspector.adapters.ledger import upgrade

    upgrade(blank)
    with closing(SqlPeople(blank)) as store:
        users = Users(store)
        with pytest.raises(ConflictError, match="inspector user add NAME --role admin"):
            users.add("bob", {"*": Role.VIEWER}, PASSWORD, "cli:root")
        assert not users.exist()
        assert users.add_first(PASSWORD, "cli:root") is not None
        assert users.add_first(PASSWORD, "cli:root") is None
        assert [user.name for user in users.all()] == ["admin"]


def test_two_people_who_edit_one_user_do_not_overwrite_each_other(plant: Plant) -> None:
    seen = plant.users.add("bob", {"*": Role.VIEWER}, PASSWORD, "ann")
    plant.users.set_roles("bob", {"*": Role.REVIEWER}, "ann", expected=seen)
    with pytest.raises(ConflictError, match="somebody else changed user bob"):
        plant.users.set_roles("bob", {"*": Role.ENGINEER}, "eve", expected=seen)
    assert plant.users.user("bob").roles == {"*": Role.REVIEWER}


def test_reset_ends_logins_and_enables_a_user(plant: Plant) -> None:
    plant.users.add("bob", {"*": Role.VIEWER}, PASSWORD, "ann")
    session = plant.sessions.log_in("bob", PASSWORD, CLIENT)
    plant.users.disable("bob", "ann")
    plant.users.reset("bob", "another battery", "ann")
    assert plant.sessions.identify(session.secret) is None
    assert plant.sessions.log_in("bob", "another battery", CLIENT).person.name == "bob"
    assert plant.users.user("bob").disabled_at is None


def test_unknown_user_is_named(plant: Plant) -> None:
    with pytest.raises(NotFoundError, match="there is no user eve"):
        plant.users.disable("eve", "ann")
    assert len(plant.actions()) == 1


@pytest.mark.parametrize("texts", [[], ["boss"], ["admin@pcb"], ["viewer@"], ["viewer@a/b"]])
def test_texts_that_are_no_roles_are_refused(texts: list[str]) -> None:
    with pytest.raises(InspectorError, match="role"):
        parse_roles(texts)


def test_bounded_roles_allow_what_both_allow() -> None:
    token, owner = parse_roles(["engineer"]), parse_roles(["viewer", "reviewer@pcb"])
    assert bounded(token, owner) == owner
    assert bounded(parse_roles(["engineer@cap"]), owner) == {"cap": Role.VIEWER}
    assert bounded(parse_roles(["viewer@cap"]), parse_roles(["viewer@pcb"])) == {}
    assert exceeds(token, owner)
    assert not exceeds(parse_roles(["viewer@cap", "reviewer@pcb"]), owner)

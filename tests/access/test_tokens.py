"""Tokens: bounded by their roles, their owner's, and their end."""

from __future__ import annotations

import pytest
from support.databases import fetch
from support.people import PASSWORD, Plant

from inspector.access.roles import parse_roles
from inspector.access.tokens import NewToken, TokenRequest
from inspector.domain.person import Role
from inspector.errors import ConflictError, InspectorError, NotFoundError
from inspector.ports.access import AuditEntry


def create(plant: Plant, *roles: str, name: str = "mes", days: float = 90, owner: str | None = None) -> NewToken:
    return plant.tokens.create(TokenRequest(name, parse_roles(roles or ["reviewer"]), days, owner), "ann")


def test_token_is_a_program_with_its_own_roles_and_its_secret_is_not_stored(plant: Plant) -> None:
    made = create(plant, "reviewer@pcb")
    person = plant.tokens.identify(made.secret)
    assert person is not None
    assert (person.name, person.roles) == ("token:mes", {"pcb": Role.REVIEWER})
    assert made.secret not in str(fetch(plant.url, "SELECT * FROM tokens"))
    assert plant.actions()[-1] == ("ann", "token.add", made.token.token_id)


def test_token_ends(plant: Plant) -> None:
    made = create(plant, days=1)
    plant.clock.pass_by(days=1)
    assert plant.tokens.identify(made.secret) is None


def test_token_is_revoked_by_name_or_id(plant: Plant) -> None:
    first = create(plant)
    plant.tokens.revoke("mes", "ann")
    assert plant.tokens.identify(first.secret) is None
    second = create(plant)
    plant.tokens.revoke(second.token.token_id, "ann")
    assert plant.tokens.identify(second.secret) is None
    with pytest.raises(NotFoundError):
        plant.tokens.revoke(second.token.token_id, "ann")
    assert [action for _, action, _ in plant.actions()].count("token.revoke") == 2


def test_token_never_allows_more_than_its_owner(plant: Plant) -> None:
    plant.users.add("bob", {"*": Role.ENGINEER}, PASSWORD, "ann")
    made = create(plant, "engineer", owner="bob")
    plant.users.set_roles("bob", {"pcb": Role.VIEWER}, "ann")
    person = plant.tokens.identify(made.secret)
    assert person is not None
    assert person.roles == {"pcb": Role.VIEWER}
    plant.users.disable("bob", "ann")
    assert plant.tokens.identify(made.secret) is None


def test_names_of_tokens_in_use_differ(plant: Plant) -> None:
    create(plant, days=1)
    with pytest.raises(ConflictError, match="there is a token mes already"):
        create(plant)
    plant.clock.pass_by(days=1)
    assert create(plant)


@pytest.mark.parametrize("name", ["", "MES", "a:b", "x" * 65])
def test_names_that_the_audit_could_confuse_are_refused(plant: Plant, name: str) -> None:
    with pytest.raises(InspectorError, match="name: "):
        create(plant, name=name)


@pytest.mark.parametrize("days", [0, -1, 367, float("nan")])
def test_token_without_a_near_end_is_refused(plant: Plant, days: float) -> None:
    with pytest.raises(InspectorError, match="days: "):
        create(plant, days=days)


@pytest.mark.parametrize("secret", ["", "insp_", "x" * 1000, "\ud800"])
def test_text_that_is_no_token_is_nobody(plant: Plant, secret: str) -> None:
    create(plant)
    assert plant.tokens.identify(secret) is None


def test_unknown_owner_is_refused(plant: Plant) -> None:
    with pytest.raises(NotFoundError, match="there is no user eve"):
        create(plant, owner="eve")


def test_an_id_wins_over_a_name_of_the_same_text(plant: Plant) -> None:
    """Names of the form of an id were accepted once: such a token must not keep another one from being revoked."""
    first = create(plant, name="leaked")
    plant.clock.pass_by(minutes=1)
    later = create(plant, name="later")
    named = later.token._replace(token_id="f" * 16, name=first.token.token_id)
    entry = AuditEntry("eve", "token.add", named.token_id, {}, plant.clock())
    plant.store.add_token(named, "the sha256 of a secret", entry)
    assert plant.tokens.revoke(first.token.token_id, "ann").name == "leaked"
    assert plant.tokens.identify(first.secret) is None
    with pytest.raises(NotFoundError, match="token leaked is revoked already"):
        plant.tokens.revoke(first.token.token_id, "ann")
    assert plant.tokens.revoke(named.token_id, "ann").name == first.token.token_id


def test_a_name_of_the_form_of_an_id_is_refused(plant: Plant) -> None:
    first = create(plant)
    with pytest.raises(InspectorError, match=f"name: {first.token.token_id} has the form of a token's id; choose"):
        create(plant, name=first.token.token_id)
    assert create(plant, name="0123456789abcde").token.name == "0123456789abcde"

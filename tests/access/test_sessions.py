"""Sessions: they open with the right password, and end when they are ended, unused, or old."""

from __future__ import annotations

import pytest
from support.databases import another_writer, fetch
from support.people import PASSWORD, Clock, Plant

from inspector.access.failed_logins import MAX_ENTRIES, FailedLogins
from inspector.access.login_limit import MAX_FAILURES_OF_ADDRESS, MAX_FAILURES_OF_PAIR, MAX_REMEMBERED, LoginLimit
from inspector.access.sessions import Client, LoginRefused, TooManyLogins
from inspector.domain.person import Role
from inspector.errors import NotFoundError

CLIENT = Client("10.0.0.7", "Firefox\x1b[2J")


def test_login_opens_a_session_whose_secret_is_not_stored(plant: Plant) -> None:
    opened = plant.sessions.log_in(" Ann ", PASSWORD, CLIENT)
    used = plant.sessions.identify(opened.secret)
    assert used is not None
    assert (used.person.name, used.person.roles) == ("ann", {"*": Role.ADMIN})
    assert opened.secret not in str(fetch(plant.url, "SELECT * FROM sessions"))
    assert plant.actions()[-1] == ("ann", "session.add", "ann")
    assert "\x1b" not in plant.sessions.all()[0].program


@pytest.mark.parametrize(("name", "password"), [("ann", "wrong"), ("eve", PASSWORD), ("", ""), ("ann", "x" * 10_000)])
def test_wrong_name_or_password_opens_none_and_says_not_which(plant: Plant, name: str, password: str) -> None:
    with pytest.raises(LoginRefused, match="name or password are wrong"):
        plant.sessions.log_in(name, password, CLIENT)
    assert plant.sessions.all() == []


def test_disabled_user_is_out_at_once(plant: Plant) -> None:
    plant.users.add("bob", {"*": Role.VIEWER}, PASSWORD, "ann")
    opened = plant.sessions.log_in("bob", PASSWORD, CLIENT)
    plant.users.disable("bob", "ann")
    assert plant.sessions.identify(opened.secret) is None
    with pytest.raises(LoginRefused):
        plant.sessions.log_in("bob", PASSWORD, CLIENT)
    plant.users.enable("bob", "ann")
    assert plant.sessions.identify(opened.secret) is None


def test_ended_session_is_over(plant: Plant) -> None:
    opened = plant.sessions.log_in("ann", PASSWORD, CLIENT)
    plant.clock.pass_by(seconds=1)
    plant.sessions.end(opened.session.session_id, "ann")
    assert plant.sessions.identify(opened.secret) is None
    assert plant.sessions.all() == []
    with pytest.raises(NotFoundError):
        plant.sessions.end(opened.session.session_id, "ann")


def test_unused_session_ends_after_a_shift_and_a_used_one_after_a_week(plant: Plant) -> None:
    unused = plant.sessions.log_in("ann", PASSWORD, CLIENT)
    used = plant.sessions.log_in("ann", PASSWORD, CLIENT)
    for _ in range(13):
        plant.clock.pass_by(hours=12)
        assert plant.sessions.identify(used.secret) is not None
    assert plant.sessions.identify(unused.secret) is None
    assert len(plant.sessions.all("ann")) == 1
    plant.clock.pass_by(hours=12)
    assert plant.sessions.identify(used.secret) is None


def test_session_is_known_while_the_database_is_busy(plant: Plant) -> None:
    """Its use is noted later: a reader does not fail because others write."""
    opened = plant.sessions.log_in("ann", PASSWORD, CLIENT)
    plant.clock.pass_by(minutes=10)
    if plant.url.startswith("sqlite"):
        with another_writer(plant.url):
            assert plant.sessions.identify(opened.secret) is not None
    assert plant.sessions.identify(opened.secret) is not None


def test_guessing_is_slowed_down_and_the_owner_may_log_in_from_elsewhere(plant: Plant) -> None:
    for _ in range(MAX_FAILURES_OF_PAIR):
        with pytest.raises(LoginRefused):
            plant.sessions.log_in("ann", "guess", CLIENT)
    with pytest.raises(TooManyLogins, match="try again in 15 min") as refused:
        plant.sessions.log_in("ann", PASSWORD, CLIENT)
    assert refused.value.wait_s == 15 * 60
    assert plant.sessions.log_in("ann", PASSWORD, Client("10.0.0.8"))
    plant.clock.pass_by(minutes=15)
    assert plant.sessions.log_in("ann", PASSWORD, CLIENT)


def test_one_address_can_not_try_many_names() -> None:
    limit = LoginLimit()
    for number in range(MAX_FAILURES_OF_ADDRESS):
        assert limit.wait_s(f"user{number}", "10.0.0.7") == 0
        limit.note_failure(f"user{number}", "10.0.0.7")
    assert limit.wait_s("another", "10.0.0.7") > 0
    assert limit.wait_s("another", "10.0.0.8") == 0


def test_memory_of_failures_is_bounded() -> None:
    limit = LoginLimit()
    for number in range(MAX_REMEMBERED):
        limit.note_failure(f"user{number}", f"address{number}")
    assert len(limit._failures) == MAX_REMEMBERED


def test_failed_logins_are_audited_without_the_names_of_strangers(plant: Plant) -> None:
    for name in ("ann", "hunter2 in the wrong field"):
        with pytest.raises(LoginRefused):
            plant.sessions.log_in(name, "wrong", CLIENT)
    assert plant.actions()[-2:] == [("nobody", "session.refuse", "ann"), ("nobody", "session.refuse", "unknown name")]
    assert "hunter2" not in str(fetch(plant.url, "SELECT * FROM audit"))


def test_failed_logins_beyond_a_bound_are_counted_in_the_next_entry() -> None:
    clock = Clock()
    failed = FailedLogins(clock)
    assert [failed.note() for _ in range(MAX_ENTRIES)] == [0] * MAX_ENTRIES
    assert [failed.note() for _ in range(70)] == [None] * 70
    clock.pass_by(hours=1)
    assert [failed.note(), failed.note()] == [70, 0]

"""Answers of the service on their way to a page: held back until a test releases them, or changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

DRAWN: Final = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


class HeldAnswer:
    """The answer to one request: the service gives it at once, the page gets it when it is released."""

    def __init__(self, page: Page, address: str) -> None:
        self._page = page
        self._held: list[tuple[Route, Any]] = []
        page.route(address, lambda route: self._held.append((route, route.fetch())), times=1)

    def wait(self) -> None:
        while not self._held:
            self._page.wait_for_timeout(20)

    def release(self) -> None:
        self.wait()
        [(route, answer)] = self._held
        with self._page.expect_event("requestfinished", lambda sent: sent.url == route.request.url):
            route.fulfill(response=answer)
        self._page.evaluate(DRAWN)


def end_leases(route: Route) -> None:
    """Let the leases of a taken list have ended long ago."""
    answer = route.fetch()
    told = answer.json()
    for each in told["parts"]:
        each["until"] = "2020-01-01T00:00:00Z"
    route.fulfill(response=answer, json=told)

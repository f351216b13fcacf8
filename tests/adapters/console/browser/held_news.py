"""The stream of news on its way to a page: what it tells, and when, is for a test to say."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .held_answers import DRAWN

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route


class HeldNews:
    """News that a test tells: a service that lags tells of parts that the page has read already."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._held: list[Route] = []
        page.route("**/api/v1/stream*", lambda route: self._held.append(route))

    def tell(self, kind: str, *bodies: Any) -> None:
        while not self._held:
            self._page.wait_for_timeout(20)
        stream = "".join(f"event: {kind}\nid: 1.1\ndata: {json.dumps(body)}\n\n" for body in bodies)
        self._held.pop(0).fulfill(body=stream, content_type="text/event-stream")
        self._page.wait_for_timeout(100)
        self._page.evaluate(DRAWN)

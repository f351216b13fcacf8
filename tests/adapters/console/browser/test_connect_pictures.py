"""A camera that sends one picture many times, as a command that is repeated does, is connected like any other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from support.browser_pages import ServedConsole, open_context, open_page, require_pages
from support.console_api import services_of
from support.console_parts import a_picture
from support.fakes import NOON, MemoryEvidence, MemoryLedger
from support.memory_cameras import MemoryCameraChanges, MemoryUnknownPictures

from inspector.lines.camera_pictures import CameraPictures
from inspector.lines.cameras import Cameras
from inspector.ports.ledger import CameraRow
from inspector.ports.unknown_cameras import UnknownPicture

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
ONE, OTHER = a_picture(200), a_picture(240)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    require_pages()
    ledger: Any = MemoryLedger()
    evidence = MemoryEvidence()
    ledger.seen["mugs", "top"] = CameraRow("mugs", "top", False, "online", NOON, NOON, 4, 0, None)
    unknown = MemoryUnknownPictures([UnknownPicture("mugs", "top", data, NOON) for data in (ONE, ONE, OTHER, ONE)])
    services = services_of(ledger, evidence)
    services = replace(
        services,
        cameras=Cameras(services.lines, ledger, unknown, MemoryCameraChanges()),
        camera_pictures=CameraPictures(ledger, evidence, unknown),
    )
    served = ServedConsole(services)
    try:
        with open_context(browser, served.address) as context, open_page(context, served.address) as page:
            yield page
    finally:
        served.end()


def test_picture_that_a_camera_sent_again_is_offered_once(page: Page) -> None:
    page.goto("/connect")
    shown = page.get_by_test_id("unknown-cameras")
    shown.get_by_role("img").first.wait_for()
    assert shown.get_by_role("img").count() == 2
    shown.get_by_test_id("connect").click()
    wizard = page.get_by_test_id("wizard")
    wizard.get_by_role("button", name="Golden samples").click()
    wizard.get_by_test_id("golden").first.wait_for()
    assert wizard.get_by_test_id("golden").count() == 2
    wizard.get_by_role("button", name="Test shot").click()
    wizard.get_by_test_id("shoot").wait_for()
    assert wizard.get_by_role("group", name="Picture to judge").get_by_role("button").count() == 2

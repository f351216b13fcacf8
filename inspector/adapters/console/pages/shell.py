"""The frame of every page: title, top bar, theme and notices."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from html import escape
from typing import Any, Final

from nicegui import ui

from inspector.adapters.console.pages.looks import asset
from inspector.errors import LedgerError

NAVIGATION: Final = (("Live", "/"), ("Cameras", "/cameras"), ("Events", "/events"))
THEMES: Final = {"system": None, "light": False, "dark": True}
THEME_COOKIE: Final = "inspector_theme"
COOKIE_MAX_AGE_S: Final = 31_536_000


def add_style_sheet() -> None:
    """Add the style sheet to all pages of this process."""
    ui.add_head_html(f"<style>{asset('look.css')}</style>", shared=True)


@contextmanager
def shell(title: str, here: str) -> Iterator[StatusLight]:
    """Build the frame of a page; the caller builds the content inside. `here` is the current page's address."""
    ui.page_title(f"{title} · inspector")
    with ui.element("header").classes("top"):
        with ui.element("a").classes("brand").props("href=/"):
            ui.html(asset("mark.svg"), sanitize=False)
            ui.label("inspector")
        _navigation(here)
        status = StatusLight()
        _theme()
    with ui.element("div").classes("page") as main:
        yield status
    ui.skip_link(target=main)


def words(tag: str, text: str) -> Any:
    """Show text in an HTML element with this tag; markup in the text is escaped."""
    return ui.html(escape(text), tag=tag, sanitize=False)


class StatusLight:
    """The light that shows whether the page is current."""

    def __init__(self) -> None:
        self._light = ui.label().classes("status-light").props("role=status")

    def show(self, text: str, look: str = "") -> None:
        """Show a state. `look` is paused or away; empty for live."""
        self._light.set_text(text)
        self._light.classes(add=look, remove=" ".join({"paused", "away"} - {look}))


class PageNotice:
    """A strip that shows a fault; hidden while its text is empty."""

    def __init__(self, look: str = "", *, link: tuple[str, str] | None = None) -> None:
        """Build the strip. `link` is the name and address of a page that helps."""
        self._strip = ui.element("div").classes(f"notice {look}").props("role=alert")
        with self._strip:
            ui.icon("warning").props("aria-hidden=true")
            self._text = ui.label().classes("free-text")
            if link:
                ui.link(*link)
        self._strip.set_visibility(False)

    def show(self, text: str) -> None:
        self._text.set_text(text)
        self._strip.set_visibility(bool(text))


def _navigation(here: str) -> None:
    with ui.element("nav").classes("nav-links").props('aria-label="Pages"'):
        for name, address in NAVIGATION:
            current = "aria-current=page" if address == here else ""
            with ui.element("a").props(f"href={address} {current}"):
                ui.label(name)


def _theme() -> None:
    """Show the menu of themes: light, dark or the system's. A cookie keeps the choice for the next page."""
    chosen = ui.context.client.request.cookies.get(THEME_COOKIE, "system")
    dark = ui.dark_mode(THEMES.get(chosen))
    with (
        ui.button(icon="contrast").props('flat round dense color=white aria-label="Theme"'),
        ui.menu().props("role=menu"),
    ):
        for name in THEMES:
            ui.menu_item(name.capitalize(), partial(_choose, dark, name)).props("role=menuitem")


def _choose(dark: Any, theme: str) -> None:
    dark.set_value(THEMES[theme])
    ui.run_javascript(f"document.cookie = '{THEME_COOKIE}={theme}; path=/; max-age={COOKIE_MAX_AGE_S}; samesite=lax'")


def not_found_page() -> None:
    """Show the page for every unknown address."""
    ui.context.client.status_code = 404
    with shell("Not found", ""), ui.element("section").classes("card empty"):
        ui.icon("wrong_location").props("aria-hidden=true")
        words("h2", "There is no such page")
        ui.link("Show the newest parts", "/")


def error_page(error: Exception) -> None:
    """Replace a page that could not be built. Errors other than the database's are logged, not shown."""
    known = isinstance(error, LedgerError)
    with shell("Not available", "") as status, ui.element("section").classes("card empty"):
        status.show("no data", "away")
        ui.icon("cloud_off").props("aria-hidden=true")
        words("h2", "The database can't be read" if known else "This page could not be built")
        words("p", str(error) if known else "The reason is in the console's log.").classes("muted free-text")
        ui.link("Try again", "")

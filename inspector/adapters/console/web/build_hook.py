"""Adds the built pages to wheel and sdist. Builds nothing: `make web` does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER = "inspector/adapters/console/web/dist"


class BuiltPages(BuildHookInterface[Any]):  # type: ignore[misc]  # hatchling is there while it builds only
    """Refuses a wheel or an sdist without pages; an editable install needs none."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        built = Path(self.root) / FOLDER
        if not (built / "index.html").is_file():
            raise FileNotFoundError(f"{FOLDER}/index.html is missing: run make web before this is built")
        build_data["force_include"][str(built)] = FOLDER

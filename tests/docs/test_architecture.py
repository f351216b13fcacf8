"""docs/architecture.md names every package."""

from __future__ import annotations

from typing import Final

from support.paths import ROOT

ARCHITECTURE: Final = (ROOT / "docs" / "architecture.md").read_text()


def test_every_package_is_named() -> None:
    packages = [path.parent.relative_to(ROOT) for path in (ROOT / "inspector").rglob("__init__.py")]
    missing = [str(package) for package in packages if f"`{package}/`" not in ARCHITECTURE]
    assert sorted(missing) == ["inspector"]

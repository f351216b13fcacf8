"""docs/reference says what the code says."""

from __future__ import annotations

import subprocess
import sys

from support.paths import ROOT


def test_reference_is_up_to_date() -> None:
    script = ROOT / "docs" / "generate_reference.py"
    done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_reference_needs_no_torch() -> None:
    code = (
        "import sys; sys.path.insert(0, 'docs'); import generate_reference; generate_reference.pages(); "
        "heavy = {'torch', 'transformers', 'matplotlib', 'ray'} & set(sys.modules); "
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr

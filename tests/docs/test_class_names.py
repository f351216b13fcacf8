"""A class name stands once in the package, so that a name in a text or a log means one thing."""

from __future__ import annotations

import ast
from collections import defaultdict

from support.paths import ROOT


def test_no_class_name_stands_twice() -> None:
    places = defaultdict(list)
    for module in sorted((ROOT / "inspector").rglob("*.py")):
        for node in ast.parse(module.read_text()).body:
            if isinstance(node, ast.ClassDef):
                places[node.name].append(str(module.relative_to(ROOT)))
    assert {name: modules for name, modules in places.items() if len(modules) > 1} == {}

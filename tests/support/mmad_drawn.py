"""A small synthetic set in MMAD's format; the project contains no pictures of the benchmark."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from inspector.lab.synthetic import draw, encode

NORMAL: Final = ("Anomaly Detection", "Object Classification", "Object Structure")
ABNORMAL: Final = (
    "Anomaly Detection",
    "Defect Classification",
    "Defect Localization",
    "Defect Description",
    "Defect Analysis",
    "Object Classification",
    "Object Details",
)
SHAPES: Final = {  # folder of each data set: where its pictures lie
    "DS-MVTec": ("washer", "DS-MVTec/washer/image/{kind}/{name}.jpg"),
    "MVTec-LOCO": ("board", "MVTec-LOCO/board/test/{kind}/{name}.jpg"),
    "VisA": ("cap", "VisA/cap/test/{kind}/{name}.jpg"),
    "GoodsAD": ("washer", "GoodsAD/washer/test/{kind}/{name}.jpg"),
}


def drawn(root: Path, each: int = 1) -> dict[str, Any]:
    """Write `each` good and `each` NG pictures of every data set, and mmad.json; returns its content."""
    told: dict[str, Any] = {}
    for folder, (product, shape) in SHAPES.items():
        template = _put(root, shape.format(kind="good", name="template"), product, 900, ng=False)
        for seed in range(each):
            for ng in (False, True):
                path = _put(root, shape.format(kind="dent" if ng else "good", name=f"{seed:03}"), product, seed, ng=ng)
                told[path] = entry(ABNORMAL if ng else NORMAL, template, swapped=folder == "VisA", ng=ng)
    write(root, told)
    return told


def entry(types: tuple[str, ...], template: str, *, ng: bool, swapped: bool = False) -> dict[str, Any]:
    """The entry of one picture in mmad.json. `swapped`: Yes is B instead of A."""
    yes_no = {"A": "No.", "B": "Yes."} if swapped else {"A": "Yes.", "B": "No."}
    (right,) = (letter for letter, text in yes_no.items() if (text == "Yes.") is ng)
    about = {"Options": dict(zip("ABCD", ("a ring", "a lid", "a board", "a cap"), strict=True)), "Answer": "C"}
    detection = {"Question": "Is there any defect in the object?", "Options": yes_no, "Answer": right}
    return {
        "mask_path": "",
        "random_templates": [template, "never/shown.jpg"],
        "similar_templates": [template],
        "conversation": [
            {"type": name, "Question": f"{name}: what is it?", **(about if number else detection)}
            for number, name in enumerate(types)
        ],
    }


def write(root: Path, told: Any) -> None:
    root.mkdir(parents=True, exist_ok=True)
    (root / "mmad.json").write_text(json.dumps(told), encoding="utf-8")


def _put(root: Path, path: str, product: str, seed: int, *, ng: bool) -> str:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_bytes(encode(draw(product, seed, ng=ng, size=160)))
    return path

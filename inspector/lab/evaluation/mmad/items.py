"""The questions of MMAD (Jiang et al., ICLR 2025), the public benchmark. Pure.

Its pictures belong to four data sets with licences of their own. Users download them; this project never contains them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import Final

LETTERS: Final = "ABCDE"


class DataSet(StrEnum):
    """The benchmark's four data sets, by the names in the seed paper's tables."""

    MVTEC_AD = "MVTec-AD"
    MVTEC_LOCO = "MVTec-LOCO"
    VISA = "VisA"
    GOODS_AD = "GoodsAD"


class Task(StrEnum):
    """The benchmark's seven tasks, in the order of its tables."""

    ANOMALY_DETECTION = "anomaly_detection"
    DEFECT_CLASSIFICATION = "defect_classification"
    DEFECT_LOCALIZATION = "defect_localization"
    DEFECT_DESCRIPTION = "defect_description"
    DEFECT_ANALYSIS = "defect_analysis"
    OBJECT_CLASSIFICATION = "object_classification"
    OBJECT_ANALYSIS = "object_analysis"


class MmadWording(StrEnum):
    """Whose sentences a question is asked in."""

    OWN = "own"
    OFFICIAL = "official"


@dataclass(frozen=True, slots=True)
class Item:
    """One question about one picture. `templates` are pictures of normal parts, shown with it. Paths are relative to
    the benchmark's folder. Options are lettered A, B, … in their order, whatever letters the file uses. `knowledge`:
    what the benchmark says about the object and its defects, where it is shown. `wording`: of all that is asked."""

    picture: str
    templates: tuple[str, ...]
    number: int
    data_set: DataSet
    task: Task
    question: str
    options: tuple[str, ...]
    answer: str
    knowledge: str = ""
    wording: MmadWording = MmadWording.OWN

    @property
    def options_by_letter(self) -> dict[str, str]:
        return dict(zip(self.letters, self.options, strict=True))

    @property
    def letters(self) -> tuple[str, ...]:
        return tuple(LETTERS[: len(self.options)])

    @property
    def normal(self) -> bool:
        """Whether the picture shows a good part; the benchmark marks it in the picture's path."""
        return "good" in self.picture


def sample_items(items: Sequence[Item], limit: int | None) -> list[Item]:
    """The questions about at most `limit` good and `limit` NG pictures of each data set, spread evenly over its list.

    None takes all.
    """
    if limit is None:
        return list(items)
    chosen = set[str]()
    for _, stratum in groupby(sorted(items, key=_stratum), key=_stratum):
        pictures = list(dict.fromkeys(item.picture for item in stratum))
        count = min(limit, len(pictures))
        chosen |= {pictures[place * len(pictures) // count] for place in range(count)}
    return [item for item in items if item.picture in chosen]


def _stratum(item: Item) -> tuple[DataSet, bool]:
    return item.data_set, item.normal

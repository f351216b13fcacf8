"""The seed paper's figures on MMAD, for comparison.

Source: Lim, Joo and Cho, Korea University, "LLM's Inference Method for Industrial Data Using Test Time Scaling
Methodology", tables 1 to 3: the rows of single data sets as printed. The averages are computed from these rows. The
printed averages agree to 0.003, except for three slips of one digit: table 1's defect description (62.003 for 62.603),
table 3's anomaly detection (70.988 for 70.088) and its object analysis (82.500 for 82.700). Table 3's F1 on VisA
(76.294) is 76.394 by its recall and precision.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from inspector.lab.evaluation.mmad.items import DataSet
from inspector.lab.evaluation.mmad.scores import ScoreRow, ScoreTable, with_average

MISPRINT: Final = "its table 3 prints 70.988 for anomaly detection on average, a misprint: its rows average 70.088"


class PublishedTable(NamedTuple):
    """One table of the paper. `printed`: a line per data set, in their order, with the columns of `ScoreRow`."""

    table: int
    model: str
    strategy: str
    printed: str

    @property
    def title(self) -> str:
        return f"{self.model}, {self.strategy} (seed paper, table {self.table})"

    @property
    def rows(self) -> ScoreTable:
        lines = (ScoreRow(*map(float, line.split())) for line in self.printed.strip().splitlines())
        return with_average({name.value: row for name, row in zip(DataSet, lines, strict=True)})


PUBLISHED: Final = (
    PublishedTable(
        1,
        "Qwen2.5-VL-7B-Instruct",
        "single",
        """
        80.672 65.64315 72.50629 72.21764 88.46473 99.13793 90.27067 81.2732 76.18271 93.12064 83.8044
        60.19007 42.36253 48.98167 57.90554 70.12579 84.375 77.5724 63.07328 56.85484 72.96248 63.90935
        69.96054 40.5042 60.81871 59.7479 67.66882 91.22965 81.46828 67.34277 51.58608 84.89011 64.17445
        50.61397 57.43707 53.05445 60.54014 77.67123 88.02642 77.24978 66.37044 81.05457 56.6167 66.66667
        """,
    ),
    PublishedTable(
        2,
        "Qwen3-VL-8B-Instruct",
        "single",
        """
        84.62769 73.1203 71.75189 78.31822 91.45228 97.84483 93.05048 84.3082 91.19086 91.63834 91.41455
        62.99083 47.65784 51.12016 63.44969 74.10901 86.58088 79.79651 66.52843 65.42339 74.17143 69.5233
        77.29693 51.59664 55.80618 65.46218 77.55804 94.0107 81.75339 71.9263 68.69783 86.08287 76.41597
        55.2027 62.62395 48.07437 61.44036 74.17808 89.67795 75.98088 66.73977 50.70509 61.80867 55.70899
        """,
    ),
    PublishedTable(
        3,
        "Qwen3-VL-8B-Instruct",
        "majority-3",
        """
        84.66847 73.27801 71.66806 78.31822 91.36929 97.62931 92.97732 84.27267 91.27243 91.64619 91.45893
        63.07819 47.55601 51.42566 63.7577 74.21384 85.47794 79.85213 66.48021 65.42339 74.25629 69.56056
        77.30824 51.0084 55.6391 65.54622 77.64402 94.11765 81.78902 71.86466 68.61436 86.16352 76.29405
        55.29738 62.4714 48.00797 61.5904 74.0411 89.67795 76.18058 66.7524 50.70509 61.9012 55.74655
        """,
    ),
)

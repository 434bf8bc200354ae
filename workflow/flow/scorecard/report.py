"""Order and group what the report and the scorecard page show."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flow.run.wording import paper_order
from flow.scorecard.page import Caption
from flow.scorecard.rows import ScorecardRow, Verdict

Record = Mapping[str, Any]  # a figure's statistics file

# Kinds of files of a figure, by the folder that holds them.
_FILES = {"figures": ("svg", "pdf", "png"), "tables": ("tsv",), "stats": ("json",)}


@dataclass(frozen=True)
class AnchoredRow:
    """Pair a row of the scorecard with its place on the pages.

    Attributes
    ----------
    row
        The row.
    anchor
        Its own.
    figure_anchor
        That of its figure on the report; "" where no figure shows it.
    """

    row: ScorecardRow
    anchor: str
    figure_anchor: str


@dataclass(frozen=True)
class Fold:
    """Group rows that are not comparable for the same reason."""

    reason: str
    anchor: str
    rows: list[AnchoredRow]


@dataclass(frozen=True)
class Scorecard:
    """Hold the rows of a run, in the order of their figures."""

    rows: list[AnchoredRow]

    def count(self, verdict: Verdict) -> int:
        """Return the number of rows with a verdict."""
        return sum(one.row.verdict == verdict for one in self.rows)

    def of(self, anchor: str) -> "Scorecard":
        """Return the rows of one figure, by its anchor."""
        return Scorecard([one for one in self.rows if one.figure_anchor == anchor])

    @property
    def judged(self) -> list[AnchoredRow]:
        """Return the rows that agree or differ."""
        return [one for one in self.rows if one.row.verdict != "not comparable"]

    @property
    def differing(self) -> list[AnchoredRow]:
        """Return the rows that differ."""
        return [one for one in self.rows if one.row.verdict == "differs"]

    @property
    def folds(self) -> list[Fold]:
        """Return the rows that are not comparable by reason, the most frequent first."""
        by_reason: dict[str, list[AnchoredRow]] = {}
        for one in self.rows:
            if one.row.verdict == "not comparable":
                by_reason.setdefault(one.row.reason, []).append(one)
        ordered = sorted(by_reason.items(), key=lambda item: -len(item[1]))
        return [Fold(reason, f"fold-{k}", rows) for k, (reason, rows) in enumerate(ordered, 1)]


def figure_anchor(figure: str) -> str:
    """Return the anchor of a figure on the report."""
    return f"figure-{figure}"


def in_paper_order(records: Iterable[Record]) -> list[Record]:
    """Sort records: the paper's figures in its order, then the others as they come."""

    def place(record: Record) -> tuple[bool, tuple[bool, int, str]]:
        order = paper_order(record["figure"])
        return order is None, order or (False, 0, "")

    return sorted(records, key=place)


def scorecard_of(records: Sequence[Record], figures: Collection[str]) -> Scorecard:
    """Collect the rows of sorted records; `figures` are the ids of those that are shown."""
    rows: list[AnchoredRow] = []
    for record in records:
        anchor = figure_anchor(record["figure"]) if record["figure"] in figures else ""
        for row in record["scorecard"]:
            rows.append(AnchoredRow(ScorecardRow(**row), f"row-{len(rows) + 1}", anchor))
    return Scorecard(rows)


@dataclass(frozen=True)
class ReportedFigure:
    """Hold one figure of the report.

    Attributes
    ----------
    record
        Its statistics file.
    caption
        Filled in.
    picture
        Its URI.
    """

    record: Record
    caption: Caption
    picture: str

    @property
    def anchor(self) -> str:
        """Return its anchor on the page."""
        return figure_anchor(self.record["figure"])

    @property
    def alternative(self) -> str:
        """Describe the picture in one line, as its alternative text."""
        record = self.record
        return (
            f"{record['label']}: {self.caption.title} "
            f"({record['study_title']}, {record['origin']} inputs)"
        )

    @property
    def files(self) -> dict[str, str]:
        """Return the paths of its files relative to the page, by kind."""
        name = self.record["figure"]
        return {
            kind: f"{folder}/{name}.{kind}"
            for folder, kinds in _FILES.items()
            for kind in kinds
        }


@dataclass(frozen=True)
class Section:
    """Hold the figures under one heading."""

    title: str
    anchor: str
    figures: list[ReportedFigure]


def sections_of(figures: Sequence[ReportedFigure]) -> list[Section]:
    """Divide sorted figures into the paper's and ours; an empty section is left out."""
    parts = (
        ("Figures of the paper", "paper", True),
        ("Controls and checks of our own", "own", False),
    )
    return [
        Section(title, anchor, members)
        for title, anchor, in_paper in parts
        if (
            members := [
                figure
                for figure in figures
                if (paper_order(figure.record["figure"]) is not None) == in_paper
            ]
        )
    ]


def run_facts(records: Sequence[Record]) -> dict[str, str]:
    """Return what identifies a run, by name, for the head of its report."""
    if not records:
        return {}
    first = records[0]
    studies: dict[str, list[str]] = {}
    for origin, title in dict.fromkeys((r["origin"], r["study_title"]) for r in records):
        studies.setdefault(origin, []).append(title)
    inputs = list(studies)
    if len(studies) > 1:
        inputs = [f"{origin} ({', '.join(titles)})" for origin, titles in studies.items()]
    return {
        "Run": str(first["run"]),
        "Inputs": "; ".join(inputs),
        "Seed": str(first["seed"]),
        "Version of DFIM": first["versions"]["dfim"],
        "Digest of the config": first["config_digest"],
    }

"""Scorecard rows: a number of the paper, this run's beside it, and whether they agree."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from flow.run.figure_context import FigureContext

Verdict = Literal["agrees", "differs", "not comparable"]

# What stands for the paper's number where there is none, and why that allows no verdict.
NOT_PRINTED, NO_SUCH_STUDY, A_PLOT = "not printed", "no such study", "a plot"
_NO_NUMBER = {
    NOT_PRINTED: "the paper prints no such number",
    NO_SUCH_STUDY: "the paper has no such study",
    A_PLOT: "the paper shows a plot without a number",
}


@dataclass(frozen=True)
class ScorecardRow:
    """Hold one number of the paper beside ours.

    Attributes
    ----------
    figure
        Where the paper prints it.
    quantity
        What it is, with its unit.
    paper
        The paper's value, as it prints it.
    ours
        Our value, as measured in this run.
    origin
        Where the inputs come from.
    verdict
        agrees, differs, or not comparable.
    reason
        Why, in one line.
    why
        How our value was obtained: the n behind it, settings, remarks.

    Raises
    ------
    ValueError
        If the reason is empty or has several lines.
    """

    figure: str
    quantity: str
    paper: str
    ours: str
    origin: str
    verdict: Verdict
    reason: str
    why: str

    def __post_init__(self) -> None:
        """Check the reason."""
        if not self.reason.strip() or "\n" in self.reason:
            raise ValueError(
                f"scorecard, {self.figure}, {self.quantity}: got reason {self.reason!r}, "
                f"expected one line that says why the verdict is {self.verdict!r}"
            )


class Judged(NamedTuple):
    """State whether a number agrees with the paper's and why, in one line."""

    agrees: bool
    reason: str


def scorecard_row(
    context: FigureContext,
    quantity: str,
    *,
    paper: str,
    ours: str,
    why: str = "",
    judged: Judged | None = None,
    unjudged: str = "",
    on_any_inputs: bool = False,
    place: str | None = None,
) -> ScorecardRow:
    """Return a row of a figure, with a verdict where one is possible.

    Parameters
    ----------
    context
        Of the figure. Where its inputs allow no comparison with a number of the paper, that
        is the reason for no verdict. Its note is appended to `why`.
    quantity, paper, ours, why
        See `ScorecardRow`.
    judged
        The verdict; None where the two cannot be compared.
    unjudged
        Why they cannot; may be left out where `paper` stands for no number.
    on_any_inputs
        The verdict does not hang on the inputs: it is given also where they allow no other.
    place
        Where the paper prints it; default: the figure's label.

    Raises
    ------
    ValueError
        If there is neither a verdict nor a reason for none.
    """
    verdict: Verdict = "not comparable"
    if judged is not None and (on_any_inputs or not context.not_comparable):
        verdict, reason = "agrees" if judged.agrees else "differs", judged.reason
    elif judged is None and paper in _NO_NUMBER:
        reason = unjudged or _NO_NUMBER[paper]
    else:
        reason = context.not_comparable or unjudged
    return ScorecardRow(
        place or context.label,
        quantity,
        paper,
        ours,
        context.origin,
        verdict,
        reason,
        "; ".join(filter(None, (why, context.note))),
    )


def p_text(p: float) -> str:
    """Write a p-value; one that underflowed is a bound."""
    return f"{p:.2g}" if p > 0 else "< 1e-300"

"""Rows of the scorecard: verdicts, and a reason for each of them."""

import pytest

from flow.scorecard.rows import A_PLOT, NOT_PRINTED, Judged, p_text, scorecard_row
from helpers.figures import made_context


def row_of(*, paper="1", facts=None, **more):
    context = made_context(**(facts or {}))
    return scorecard_row(context, "a quantity", paper=paper, ours="2", **more)


@pytest.mark.parametrize(("agrees", "verdict"), [(True, "agrees"), (False, "differs")])
def test_a_judged_row_says_why(agrees, verdict):
    row = row_of(judged=Judged(agrees, "2 is 1 from the printed 1"), why="n = 3")
    assert (row.verdict, row.reason, row.why) == (verdict, "2 is 1 from the printed 1", "n = 3")
    assert (row.figure, row.origin) == ("Fig 9", "synthetic")


def test_inputs_that_allow_no_comparison_take_the_verdict():
    facts = {"not_comparable": "synthetic inputs", "note": "a stand-in"}
    row = row_of(facts=facts, judged=Judged(True, "equal"), why="n = 3")
    assert (row.verdict, row.reason) == ("not comparable", "synthetic inputs")
    assert row.why == "n = 3; a stand-in"
    row = row_of(facts=facts, judged=Judged(True, "equal"), on_any_inputs=True)
    assert (row.verdict, row.reason, row.why) == ("agrees", "equal", "a stand-in")


@pytest.mark.parametrize("inputs", ["", "synthetic inputs"])
@pytest.mark.parametrize("paper", [NOT_PRINTED, A_PLOT])
def test_a_paper_without_a_number_is_the_reason_on_any_inputs(paper, inputs):
    row = row_of(paper=paper, facts={"not_comparable": inputs})
    assert row.verdict == "not comparable"
    assert row.reason.startswith("the paper ")
    row = row_of(paper=paper, facts={"not_comparable": inputs}, unjudged="an example")
    assert row.reason == "an example"


def test_a_place_of_the_paper_comes_before_the_label():
    assert row_of(paper=NOT_PRINTED, place="text 3.1").figure == "text 3.1"


@pytest.mark.parametrize("reason", ["", " ", "two\nlines"])
@pytest.mark.parametrize("agrees", [True, False])
def test_a_verdict_without_one_line_of_reason_is_an_error(agrees, reason):
    with pytest.raises(ValueError, match=r"Fig 9, a quantity: got reason .* expected one line"):
        row_of(judged=Judged(agrees, reason))


def test_a_printed_number_that_is_not_compared_needs_a_reason():
    with pytest.raises(ValueError, match="'not comparable'"):
        row_of(paper="0.95")
    assert row_of(paper="0.95", unjudged="of other flanks").reason == "of other flanks"


def test_a_p_value_that_underflowed_is_a_bound():
    assert (p_text(0.0312), p_text(0.0)) == ("0.031", "< 1e-300")

"""The context of a figure, for tests of figure scripts and scorecard rows."""

from flow.run.figure_context import FigureContext


def made_context(**facts) -> FigureContext:
    """A context with the named facts; the others are empty."""
    empty = {
        "figure": "fig9", "label": "Fig 9", "study": "s", "study_title": "A study",
        "about": "", "printed": {}, "trained": True, "map_split": "test", "mutation": None,
        "method": None, "compared": (), "origin": "synthetic", "note": "",
        "not_comparable": "", "planted_effect": None, "whole": False, "options": {},
        "run": "x", "seed": 1, "config_digest": "0",
    }  # fmt: skip
    return FigureContext.from_param(empty | facts)

"""The tool that measures recipes: its tables, its page and what it reads."""

import numpy as np
import pytest

from flow.benchmark.recipe_page import write_page
from scripts import measure_recipes

RECORD = {
    "study": "tal_gata",
    "seed": 2,
    "rounding": "one thread",
    "seconds": 201.4,
    "losses": [0.2, 0.125, 0.12],
    "auroc": 0.981,
    "analyses": {
        "gata_to_tal": {
            "winner": 0.9, "complete": 0.95, "exact": 0.99, "median": 2.5,
            "median_chance": 0.01,
        }
    },
}  # fmt: skip
BARE = {**RECORD, "study": "accessibility", "analyses": {}, "losses": [0.3, 0.33]}


def test_table_has_a_row_per_network():
    table = measure_recipes.table_of([RECORD, BARE])
    assert table["loss"].tolist() == [0.12, 0.3]
    assert table["fall"].tolist() == pytest.approx([0.04, -0.1])
    assert table["gata_to_tal_complete"].tolist()[0] == 0.95
    assert np.isnan(table["gata_to_tal_complete"][1])


def test_page_shows_every_network_and_the_spread(tmp_path):
    other = {**RECORD, "seed": 3, "analyses": {"gata_to_tal": {
        "winner": 0.7, "complete": 0.93, "exact": 0.98, "median": 2.0, "median_chance": 0.02,
    }}}  # fmt: skip
    table = measure_recipes.table_of([RECORD, other, BARE])
    recipes = {"tal_gata": {"batch_size": 32, "decay": "cosine"}, "accessibility": {}}
    write_page(tmp_path / "page.md", table, recipes, cores=2, limit=200, asked=45)
    page = (tmp_path / "page.md").read_text()
    assert "Here are\n3 networks of 45 that" in page
    assert "`batch_size` 32, `decay` cosine" in page
    assert "| one thread | 2 | 201 | 0.1200 | 4.0 | 0.981 |" in page
    assert "| one thread | 2 | 0.900 | 0.950 | 0.990 | 2.50 | 0.010 |" in page
    assert "0.930 to 0.950 (spread 0.020) `complete`" in page
    tal_gata, accessibility = page.split("## `accessibility`")
    assert tal_gata.count("| one thread | 3 |") == 2
    assert "gata_to_tal" not in accessibility
    assert "| one thread | 2 | 201 | 0.3000 | -10.0 | 0.981 |" in accessibility


def test_unknown_study_is_refused(capsys):
    with pytest.raises(SystemExit):
        measure_recipes.main(["--studies", "cbf1"])
    assert "--studies: got cbf1, expected some of simulated" in capsys.readouterr().err
    measure_recipes.main(["--inputs", "--studies", "tal_gata"])
    assert capsys.readouterr().out.split() == [
        "results/default/tal_gata/examples.h5",
        "results/default/tal_gata/features.tsv.gz",
        "results/default/inputs/k562/sites.tsv.gz",
    ]

"""Choose the variants that an analysis's figures show, and score their surroundings."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfim.io.store import read_arrays, read_table, write_arrays
from dfim.maps.maps import score_map
from dfim.scoring.settings import ScoringSettings
from dfim.sequences.encoding import one_hot
from flow.jobs.runtime import configure_tensorflow
from flow.variants.panels import Choice, choose, shown_range
from flow.variants.rows import TEXT

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

    from flow.variants.scoring import VariantScorer

Arrays = dict[str, NDArray[Any]]


def _panel(
    scorer: "VariantScorer",
    codes: NDArray[np.uint8],
    rows: pd.DataFrame,
    shown: range,
    *,
    with_map: bool,
    n_shuffles: int,
    seed: int,
) -> tuple[Arrays, dict[str, Any]]:
    """Score one variant (`rows` has one row); return its arrays and facts."""
    scores = scorer.scores(codes, rows)
    reach = max(-shown[0], shown[-1])
    null = scorer.null(codes, rows, scores, n=n_shuffles, half_width=reach)
    place = slice(scores.position + shown[0], scores.position + shown[-1] + 1)
    alt = int(scores.alt[0])
    bases = one_hot(codes)[0, place]
    changed = bases.copy()
    changed[-shown[0]] = np.eye(4, dtype=np.uint8)[scores.alt_base[0]]
    arrays = {
        "ref": bases,
        "alt": changed,
        "importance_ref": scores.importance[0, place],
        "importance_alt": scores.mutant_importance[0, alt, place],
        "fis": scores.fis[0, alt, place],
        "p": null.p[0, alt, place],
        "q": null.q_values(per_track=True)[0, alt, place],
    }
    if with_map:
        arrays["map"] = score_map(
            scorer.attributor(str(rows["set"].iloc[0])),
            one_hot(codes)[0],
            place.start,
            place.stop,
            settings=ScoringSettings.choose(scorer.settings),
            rng=np.random.default_rng(seed),
        ).max_abs()
    facts = {
        "start": place.start,
        "position": scores.position,
        "n_null": int(null.n.sum()),
        "realised": float(np.nansum(null.n * null.realised[0, alt]) / null.n.sum()),
        "realised_near": float(null.realised[0, alt, 0]),
        "has_map": with_map,
    }
    return arrays, facts


def _results_of(
    found: pd.DataFrame, sites: pd.DataFrame, choice: Choice, shown: range, position: int
) -> dict[str, Any]:
    """Collect the variant's results and the motif sites in the range shown."""
    row = found.loc[choice.row]
    here = sites[sites["variant"] == choice.row]
    here = here[(here["end"] > position + shown[0]) & (here["start"] <= position + shown[-1])]
    place = f"{row['chrom']}:{row['pos']}:{row['ref']}>{row['alt']}"  # of one without a name
    keys = ("name", "start", "end", "strand", "found_in")
    return {
        "label": f"{row['chrom']}:{row['pos']} {row['ref']}>{row['alt']}",
        "pos": int(row["pos"]),
        "name": "" if row["name"] == place else str(row["name"]),
        **{key: str(row[key]) for key in ("set", "stronger")},
        **{key: float(row[key]) for key in ("p_value", "delta", "sum_fis")},
        "motifs": [
            dict(zip(keys, (str(s.motif), int(s.start), int(s.end), str(s.strand),
                            str(s.found_in)), strict=True))
            for s in here.itertuples()
        ],
    }  # fmt: skip


def main(
    results_file: str,
    sites: str,
    windows: str,
    model: str,
    panels: str,
    figures: Mapping[str, dict[str, Any]],
    settings: dict[str, Any],
    declared: dict[str, Any],
    tasks: list[str],
    n_shuffles: int,
    seed: int,
) -> None:
    """Write the panels of every figure.

    `figures` holds, by figure, its columns, half_width and whether it has a map.
    """
    configure_tensorflow(settings["threads"], seed)
    # These load TensorFlow, whose threads are fixed by now.
    from dfim.models.loading import load_model
    from flow.variants.scoring import VariantScorer

    table, motifs = (
        read_table(results_file, text=TEXT),
        read_table(sites, text=("motif", "strand")),
    )
    codes = read_arrays(windows, ("codes",))[0]["codes"]
    scorer = VariantScorer(load_model(model), declared, tasks, settings, seed)
    records: list[dict[str, Any]] = []
    arrays: Arrays = {}
    for figure, options in figures.items():
        half_width = options.get("half_width", 15)
        for number, column in enumerate(options["columns"]):
            choice = choose(table, motifs, column)
            record = {"figure": figure, "column": number, "rule": choice.rule,
                      "chosen_from": choice.n, "found": choice.row is not None,
                      "half_width": half_width, "n_shuffles": n_shuffles}  # fmt: skip
            if choice.row is not None:
                rows = table.loc[[choice.row]]
                shown = shown_range(choice, half_width, codes.shape[1])
                made, facts = _panel(
                    scorer, codes[[choice.row]], rows, shown, n_shuffles=n_shuffles,
                    with_map=bool(options.get("map")), seed=seed,
                )  # fmt: skip
                record |= facts | _results_of(table, motifs, choice, shown, facts["position"])
                arrays |= {f"p{len(records)}_{key}": value for key, value in made.items()}
            records.append(record)
    write_arrays(panels, arrays, {"panels": records, "settings": settings})


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake)

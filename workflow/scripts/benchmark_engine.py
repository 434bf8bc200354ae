"""Time the engine against the deeplift package and the machine, on the paper's four networks.

Random weights and sequences: what is timed does not look at them. Cases of a network take
turns in one process, so that their ratios hold on any machine although the rates do not.
By hand:

    PYTHONPATH=workflow .venv/bin/python workflow/scripts/benchmark_engine.py
"""

import argparse
import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from dfim.io.store import write_table
from dfim.maps.maps import score_map
from dfim.pairs.fis import score_pairs
from dfim.scoring.settings import ScoringSettings
from dfim.sequences.references import make_references
from dfim.variants.fis import score_variants
from flow.benchmark.cases import (
    close_sites,
    random_sequences,
    require_interactions,
    spread_sites,
)
from flow.benchmark.page import write_page
from flow.benchmark.timing import NETWORKS, best_seconds, paper_shapes, sgemm
from flow.jobs.runtime import configure_tensorflow

if TYPE_CHECKING:
    import keras

    from dfim.attribution.engine.engine import Engine

Clock = Callable[[], float]
GC = ScoringSettings(references="gc")
SIMULATED, TAL_GATA, ACCESSIBILITY, CBF1 = NETWORKS
# Sequences, and the batch that suits the package best.
PROFILES = {
    SIMULATED: (3072, 500),
    TAL_GATA: (240, 32),
    ACCESSIBILITY: (48, 16),
    CBF1: (7680, 500),
}


@dataclass(frozen=True)
class WindowCase:
    """A whole call that can score mutants in windows.

    Attributes
    ----------
    work
        The call; takes `windowed`.
    mutants, originals
        Profiles that it stands for.
    reachable
        Share of its pairs that the network joins; NaN where it has no pairs.
    """

    work: Callable[..., Any]
    mutants: int
    originals: int
    reachable: float = np.nan


def time_profiles(name: str, model: "keras.Model", clock: Clock) -> pd.DataFrame:
    """Measure rates of the package and of the engine; sgemm, their limit, takes turns."""
    from dfim.attribution.engine.costs import flops_per_profile
    from dfim.attribution.factory import make_attributor

    n, best = PROFILES[name]
    engine = make_attributor(model, "deeplift", maxpool_rule="winner")
    X = random_sequences(n, engine.length)
    reference = make_references(X[:1], "gc", n=1, gc=0.46, rng=np.random.default_rng(0))
    whole = {
        "engine": engine,
        "engine, complete": make_attributor(model, "deeplift"),
        "engine, Rescale": make_attributor(model, "deeplift_rescale", maxpool_rule="winner"),
        "engine, gradient × input": make_attributor(model, "gradient_input"),
    }
    cases = {what: partial(one.profiles, X, reference) for what, one in whole.items()}
    for batch in (10, best):
        package = make_attributor(model, "deeplift_package", batch_size=batch)
        # Without logits and convergence deltas, which profiles() of the engine include.
        cases[f"package, batch {batch}"] = partial(package.contributions, X, reference)
    product, gflop = sgemm()
    seconds = best_seconds({**cases, "sgemm": product}, clock=clock)
    base, limit = seconds["package, batch 10"], gflop / seconds.pop("sgemm")
    mflop, plain = (
        flops_per_profile(engine.plan, reveal_cancel=reveal) / 1e6 for reveal in (True, False)
    )
    rows = []
    for what, s in seconds.items():
        work = plain if "Rescale" in what or "gradient" in what else mflop
        rows.append((name, what, n, s, n / s, base / s, n * work / 1e3 / s / limit))
    rows.append((name, "limit (sgemm)", n, np.nan, limit * 1e3 / mflop, np.nan, 1.0))
    columns = ["network", "what", "profiles", "seconds", "rate", "to_package", "of_sgemm"]
    table = pd.DataFrame(rows, columns=columns)
    return table.assign(mflop=mflop, batch=engine.batch_size, sgemm=limit)


def window_cases(models: "dict[str, keras.Model]") -> dict[tuple[str, str], WindowCase]:
    """List the calls by network and name; sites of a case are within the network's reach."""
    from dfim.attribution.factory import make_attributor

    def pairs(name: str, n: int, each: int) -> WindowCase:
        engine = make_attributor(models[name], "deeplift", maxpool_rule="winner")
        X = random_sequences(n, engine.length)
        place = close_sites if name == TAL_GATA else spread_sites
        sites = place(n, engine.length, each)
        share = require_interactions(engine, X, sites, GC)
        options = {"settings": GC, "rng": np.random.default_rng(0)}
        return WindowCase(partial(score_pairs, engine, X, sites, **options), n * each, n, share)

    def a_map(name: str, width: int) -> WindowCase:
        engine = make_attributor(models[name], "deeplift", maxpool_rule="winner")
        (x,), first = random_sequences(1, engine.length), (engine.length - width) // 2
        options = {"settings": GC, "rng": np.random.default_rng(0)}
        work = partial(score_map, engine, x, first, first + width, **options)
        return WindowCase(work, 3 * width, 1)

    def variants(name: str, n: int) -> WindowCase:
        engine = make_attributor(models[name], "deeplift", maxpool_rule="winner")
        X = random_sequences(n, engine.length)

        def work(windowed: bool) -> Any:  # noqa: ANN401 - what a case returns is not read
            rng = np.random.default_rng(0)
            return score_variants(
                engine, X, half_width=15, settings=GC, rng=rng, windowed=windowed
            )

        return WindowCase(work, 3 * n, n)

    return {
        (SIMULATED, "pairs of 4 motifs"): pairs(SIMULATED, 768, 4),
        (SIMULATED, "map of 200 bp"): a_map(SIMULATED, 200),
        (TAL_GATA, "pairs of 4 motifs"): pairs(TAL_GATA, 96, 4),
        (TAL_GATA, "pairs of 12 motifs"): pairs(TAL_GATA, 96, 12),
        (TAL_GATA, "map of 200 bp"): a_map(TAL_GATA, 200),
        (ACCESSIBILITY, "variants, ±15 bp"): variants(ACCESSIBILITY, 48),
        (ACCESSIBILITY, "pairs of 4 motifs"): pairs(ACCESSIBILITY, 24, 4),
        (ACCESSIBILITY, "map of 40 bp"): a_map(ACCESSIBILITY, 40),
    }


def time_windows(cases: dict[tuple[str, str], WindowCase], clock: Clock) -> pd.DataFrame:
    """Measure whole calls with windows and without, and with what is chosen by itself."""
    rows = []
    for (name, what), case in cases.items():
        ways = {"whole": False, "windows": True, "chosen": None}
        calls = {way: partial(case.work, windowed=value) for way, value in ways.items()}
        seconds = best_seconds(calls, rounds=2, clock=clock)
        ratios = [seconds["whole"] / seconds[way] for way in ("windows", "chosen")]
        counts = case.mutants, case.originals, case.reachable
        rows.append((name, what, *counts, *seconds.values(), *ratios))
    columns = ["network", "what", "mutants", "originals", "reachable", "whole_s", "windows_s",
               "chosen_s", "windows", "chosen"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def time_growth(engine: "Engine", clock: Clock) -> pd.DataFrame:
    """Measure calls from mutants to FIS for growing sequences, mutants and references."""
    rng = np.random.default_rng(0)
    X = random_sequences(3072, engine.length)
    own = make_references(X, "dinuc", n=1, gc=0.46, rng=rng)
    constant = make_references(X[:1], "gc", n=1, gc=0.46, rng=rng)
    alone = {
        # A profile by itself: with a reference that is known, or with one of its own.
        "gc": partial(engine.profiles, X, constant),
        "dinuc": partial(engine.profiles, X, own, reference_of=np.arange(len(X))),
    }
    rows = []
    for n, each, kind, repeats in (
        (1000, 4, "gc", 1), (2000, 4, "gc", 1), (4000, 4, "gc", 1), (8000, 4, "gc", 1),
        (1000, 2, "gc", 1), (1000, 8, "gc", 1), (1000, 15, "gc", 1),
        (1000, 4, "dinuc", 1), (1000, 4, "dinuc", 2), (1000, 4, "dinuc", 5),
        (1000, 4, "dinuc", 10),
    ):  # fmt: skip
        settings = ScoringSettings(references=kind, n_refs=repeats)
        sites = spread_sites(n, engine.length, each)
        sequences = random_sequences(n, engine.length)
        work = partial(score_pairs, engine, sequences, sites, settings=settings, rng=rng)
        seconds = best_seconds({"alone": alone[kind], "call": work}, rounds=2, clock=clock)
        mutants = n * each
        profile = seconds["alone"] / len(X)
        of_engine = (mutants + n) * repeats * profile / seconds["call"]
        cost = seconds["call"] / mutants / (repeats * profile)
        rows.append((n, mutants, kind, repeats, seconds["call"], of_engine, cost))
    columns = ["sequences", "mutants", "references", "n_refs", "seconds", "to_engine", "cost"]
    return pd.DataFrame(rows, columns=columns)


def main(table: str, page: str, picture: str, threads: int, *, cpu_time: bool) -> None:
    """Time everything; write tables, a page and a picture."""
    clock = time.process_time if cpu_time else time.perf_counter
    configure_tensorflow(threads, seed=0)
    import keras
    import tensorflow as tf

    from dfim.attribution.factory import make_attributor

    models = paper_shapes()
    profiles = pd.concat([time_profiles(*item, clock) for item in models.items()])
    windows = time_windows(window_cases(models), clock)
    simulated = make_attributor(models[SIMULATED], "deeplift", maxpool_rule="winner")
    growth = time_growth(simulated, clock)
    for name, rows in (("profiles", profiles), ("windows", windows), ("growth", growth)):
        write_table(f"{table}_{name}.tsv", rows)
    machine = (
        f"{platform.machine()}, {os.cpu_count()} cores, {threads} threads; "
        f"TensorFlow {tf.__version__}, Keras {keras.__version__}; "
        f"{'CPU seconds of all threads' if cpu_time else 'wall seconds'}"
    )
    write_page(page, picture, profiles, windows, growth, machine=machine)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", default="results/bench/engine", help="tables begin so")
    parser.add_argument("--page", default="docs/benchmark.md")
    parser.add_argument("--picture", default="docs/benchmark.png")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--cpu-time",
        action="store_true",
        help="measure CPU time instead of wall time, on a machine that does other work",
    )
    main(**vars(parser.parse_args()))

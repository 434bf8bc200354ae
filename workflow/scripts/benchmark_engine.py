"""Time the engine against the deeplift package and the machine, on the published network.

Everything is timed in one process, one after the other, so that the ratios hold on any
machine although the rates do not. By hand:

    PYTHONPATH=workflow .venv/bin/python workflow/scripts/benchmark_engine.py DATA

where DATA holds the published model_architecture.json, model_weights.h5, sequences.fa.gz.
"""

import argparse
import os
import platform
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfim.fasta import read_fasta
from dfim.interactions import score_pairs
from dfim.motifs import scan_patterns
from dfim.references import make_references
from dfim.scoring import ScoringSettings
from dfim.sequences import one_hot_encode
from dfim.store import whole_file, write_table
from flow.runtime import configure_tensorflow
from flow.timing import paper_shapes, seconds_of, sgemm_gflops

if TYPE_CHECKING:
    import keras
    from snakemake.iocontainers import snakemake

# The strings that were embedded in the published sequences.
MOTIFS = {
    "ELF1": "AACCCGGAAGTG",
    "SIX5": "AATAGGGTATCATATAT",
    "AP1": "ATGAGTCACC",
    "TAL1": "CTGAACAGATGGTCGG",
}
GC = 0.46
BLOCK = 2_000  # sequences that are scored together, as in the workflow
SIZES = (5_000, 20_000, 60_000)  # mutants
PACKAGE_ROWS = 4_000
ENGINE_ROWS = 20_480
SWEEP = {
    "simulated, 200 bp": (64, 128, 256, 512, 1024),
    "TAL/GATA, 1 kb": (8, 16, 32, 64, 128),
    "accessibility, 1 kb": (4, 8, 16, 32),
    "Cbf1, 10 bp": (128, 256, 512, 1024),
}
COLUMNS = ["what", "batch", "profiles", "seconds", "rate", "to_package", "to_engine", "gflops"]


def time_attribution(
    model: "keras.Model", X: NDArray[np.uint8], reference: NDArray[np.float32]
) -> pd.DataFrame:
    """One row a method: the package at batch 10 first, then the engine's methods."""
    from dfim.attribution import make_attributor
    from dfim.attribution.plan import flops_per_profile, make_plan

    cases = [
        ("deeplift package, batch 10", "deeplift_package", "winner", 10, PACKAGE_ROWS),
        ("deeplift package, batch 500", "deeplift_package", "winner", 500, PACKAGE_ROWS),
        ("engine: deeplift", "deeplift", "winner", None, ENGINE_ROWS),
        ("engine: deeplift, maxpool complete", "deeplift", "complete", None, ENGINE_ROWS),
        ("engine: deeplift_rescale", "deeplift_rescale", "winner", None, ENGINE_ROWS),
        ("engine: gradient_input", "gradient_input", "winner", None, ENGINE_ROWS),
    ]
    plan = make_plan(model)
    rows = []
    for what, method, rule, batch, n in cases:
        scorer = make_attributor(model, method, maxpool_rule=rule, batch_size=batch)
        # Without the logits and completeness sums that profiles() of the engine includes.
        package = method == "deeplift_package"
        work = partial(scorer.contributions if package else scorer.profiles, X[:n], reference)
        seconds = seconds_of(work)
        flops = flops_per_profile(plan, reveal_cancel=package or method == "deeplift")
        rows.append((what, scorer.batch_size, n, seconds, flops * n))
    return pd.DataFrame(rows, columns=["what", "batch", "profiles", "seconds", "flops"])


def time_interactions(model: "keras.Model", X: NDArray[np.uint8]) -> pd.DataFrame:
    """Mutants to FIS, whole (mutants, profiles, pair scores), for growing numbers."""
    from dfim.attribution import make_attributor

    scorer = make_attributor(model, "deeplift", maxpool_rule="winner")
    features = scan_patterns(X, MOTIFS)
    settings = ScoringSettings(references="gc", gc=GC)
    rows = []
    for size in SIZES:
        # Whole sequences that hold about so many motifs, each of them mutated once.
        n = int(features.sequence[min(size, len(features)) - 1]) + 1
        profiles = n + int(np.count_nonzero(features.sequence < n))

        def score(n: int = n) -> None:
            for start in range(0, n, BLOCK):
                block = np.arange(start, min(start + BLOCK, n))
                score_pairs(
                    scorer,
                    X[block],
                    features.of_sequences(block),
                    settings=settings,
                    rng=np.random.default_rng(0),
                )

        seconds = seconds_of(score, repeats=1)
        rows.append((f"mutants to FIS, {profiles - n:,} mutants", profiles, seconds))
    table = pd.DataFrame(rows, columns=["what", "profiles", "seconds"])
    return table.assign(batch=scorer.batch_size)


def time_batch_sizes(sgemm: float) -> pd.DataFrame:
    """Rate of the engine at several batch sizes, and the one that the formula chooses.

    `sgemm` is the rate that `of_sgemm` is a share of, in GFLOP/s.
    """
    from dfim.attribution import make_attributor, plan

    rng = np.random.default_rng(0)
    rows = []
    for name, model in paper_shapes().items():
        chain = plan.make_plan(model)
        mflop = plan.flops_per_profile(chain) / 1e6
        for batch in SWEEP[name]:
            n = max(int(8_000 / mflop / batch), 2) * batch  # a fraction of a second
            X = np.eye(4, dtype=np.uint8)[rng.integers(0, 4, (n, chain.length))]
            reference = make_references(X, "gc", n=1, gc=GC, rng=rng)
            scorer = make_attributor(model, "deeplift", maxpool_rule="winner", batch_size=batch)
            seconds = seconds_of(lambda: scorer.profiles(X, reference))  # noqa: B023 - run at once
            chosen = "yes" if batch == plan.default_batch_size(chain) else ""
            kilobytes = plan.activation_bytes(chain) / 1e3
            rate = n / seconds
            share = rate * mflop / 1e3 / sgemm
            rows.append((name, mflop, kilobytes, batch, rate, share, chosen))
    columns = ["network", "MFLOP", "kB", "batch", "rate", "of_sgemm", "formula"]
    return pd.DataFrame(rows, columns=columns)


def markdown(table: pd.DataFrame, digits: dict[str, int]) -> str:
    """Write a table in Markdown, numbers to so many digits, missing ones as a dash."""
    lines = ["| " + " | ".join(table.columns) + " |", "|" + "---|" * len(table.columns)]
    for row in table.itertuples(index=False):
        cells = [
            str(value)
            if column not in digits
            else ("–" if pd.isna(value) else f"{value:,.{digits[column]}f}")
            for column, value in zip(table.columns, row, strict=True)
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def write_page(
    path: str,
    rates: pd.DataFrame,
    sweep: pd.DataFrame,
    sgemm: float,
    mflop: float,
    threads: int,
) -> None:
    """Write docs/benchmark.md."""
    import keras
    import tensorflow as tf

    digits = dict.fromkeys(["profiles", "rate", "gflops"], 0)
    digits |= dict.fromkeys(["seconds", "to_package", "to_engine"], 2)
    text = f"""# How fast

Written by `make bench` (`workflow/scripts/benchmark_engine.py`): everything one after the
other in one process, on the published simulated network (200 bp, one gc reference) and its
sequences. Rates belong to the machine and to what else ran on it; the ratios are the result.

{platform.machine()}, {os.cpu_count()} cores, {threads} threads; TensorFlow {tf.__version__},
Keras {keras.__version__}, float32. One sgemm of 3,000 x 3,000: {sgemm:,.0f} GFLOP/s. Matrix
products of one DeepLIFT profile: {mflop:.2f} MFLOP; at sgemm's rate they alone would allow
{sgemm * 1e3 / mflop:,.0f} profiles/s.

{markdown(rates[COLUMNS], digits)}

`rate` is profiles a second (best of 3 runs; of one for mutants to FIS), `to_package`
its ratio to the deeplift package at batch 10, `to_engine` to the engine's own DeepLIFT.
The package is timed for contributions alone, the engine with logits and completeness too.
Mutants to FIS counts one profile a mutant and one a sequence, and includes making the
mutants and the scores of all pairs; a constant ratio over the sizes means linear growth.

## Batch size

The engine takes the largest power of two, from 8 to 512, whose activations fit in 24 MiB
(about a last-level cache): a formula of the model and never a timing, because the batch
size decides the last bits of the results. Networks of the paper's shapes, random weights;
`of_sgemm` is the rate of a profile's matrix products as a share of sgemm's:

{markdown(sweep, {"MFLOP": 1, "kB": 0, "rate": 0, "of_sgemm": 2})}
"""
    with whole_file(path) as part:
        part.write_text(text, encoding="utf-8")


def main(
    architecture: str, weights: str, sequences: str, table: str, page: str, threads: int
) -> None:
    """Time everything; write a table and a page."""
    configure_tensorflow(threads, seed=0)
    from dfim.attribution.plan import flops_per_profile, make_plan
    from dfim.models import load_model

    model = load_model(architecture, weights)
    X = one_hot_encode(read_fasta(sequences).sequences)
    reference = make_references(X[:1], "gc", n=1, gc=GC, rng=np.random.default_rng(0))
    sgemm = sgemm_gflops()
    # Backwards: the last third holds the positive sequences, which have the most motifs.
    timed = [time_attribution(model, X, reference), time_interactions(model, X[::-1])]
    rates = pd.concat(timed, ignore_index=True)
    rate = rates["profiles"] / rates["seconds"]
    engine = rates.index[rates["what"] == "engine: deeplift"][0]
    rates = rates.assign(
        rate=rate,
        to_package=rate / rate[0],
        to_engine=rate / rate[engine],
        gflops=rates["flops"] / rates["seconds"] / 1e9,
    )
    peak = pd.DataFrame([{"what": "sgemm", "gflops": sgemm}])
    rows = pd.concat([rates[COLUMNS], peak], ignore_index=True)
    write_table(table, rows.astype({"batch": "Int64", "profiles": "Int64"}))
    mflop = flops_per_profile(make_plan(model)) / 1e6
    write_page(page, rates, time_batch_sizes(sgemm), sgemm, mflop, threads)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder of the published network")
    parser.add_argument("--table", default="results/bench/engine.tsv")
    parser.add_argument("--page", default="docs/benchmark.md")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


if "snakemake" in globals():
    from flow.job import run_job

    run_job(main, snakemake)
elif __name__ == "__main__":
    options = _parse()
    main(
        architecture=str(options.data / "model_architecture.json"),
        weights=str(options.data / "model_weights.h5"),
        sequences=str(options.data / "sequences.fa.gz"),
        table=options.table,
        page=options.page,
        threads=options.threads,
    )

"""Write the embedded-motif simulation in the format of the released files."""

from typing import TYPE_CHECKING, Any

import pandas as pd

from dfim.io.store import write_table
from dfim.sequences.fasta import write_fasta
from flow.jobs.progress import Progress
from synthetic.embedded_motifs import simulate

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main(
    sequences: str, labels: str, embeddings: str, simulation: dict[str, Any], seed: int
) -> None:
    """Simulate, and write sequences, labels and the truth of every embedding."""
    made = []
    with Progress("simulate sequences", 3 * simulation["sequences_per_set"]) as progress:
        for sequence in simulate(**simulation, seed=seed):
            made.append(sequence)
            progress.advance(1)
    ids = [s.id for s in made]
    write_fasta(sequences, ids, [s.bases for s in made])
    label_table = pd.DataFrame([s.labels for s in made], columns=["task1", "task2", "task3"])
    label_table.insert(0, "name", ids)
    write_table(labels, label_table)
    truth = pd.DataFrame(
        [(s.id, *embedding, "+") for s in made for embedding in s.embeddings],
        columns=["sequence", "start", "end", "name", "strand"],
    )
    write_table(embeddings, truth)


if "snakemake" in globals():
    from flow.jobs.job import run_job

    run_job(main, snakemake)

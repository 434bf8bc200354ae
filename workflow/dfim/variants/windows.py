"""Input sequences (windows) around variants: checked against a genome, and cut from it.

A network reads L bp of the genome with the variant at index L // 2.
"""

import logging

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfim.genome.genome import Genome
from dfim.sequences.encoding import ALPHABET, UNKNOWN
from dfim.variants.variants import CheckedVariants, Texts, Variants

log = logging.getLogger(__name__)


def check_variants(variants: Variants, genome: Genome, length: int) -> CheckedVariants:
    """Say of each variant whether its input sequence can be scored, and if not, why.

    The first of these that holds is the status:

    ==================== =========================================================
    not_acgt             an allele has other letters than A, C, G, T, or none
    same_alleles         ref is alt
    indel                alleles of unequal length
    multi_base           alleles of one length, above 1
    unknown_contig       the genome, or the choice of its contigs, lacks the contig
    outside_contig       before the first or after the last base
    n_at_variant         the genome has N there
    swapped              the genome has alt there, not ref; reported, never exchanged
    reference_mismatch   the genome has neither
    window_leaves_contig the input sequence would leave the contig; never padded
    n_in_window          an N anywhere in the input sequence
    duplicate            an earlier row is ok and has the same place and alleles
    ok                   none of these
    ==================== =========================================================

    Parameters
    ----------
    variants
        N variants from any reader.
    genome
        Contigs may be named with or without "chr".
    length
        Of the input sequences in bp; the variant is base length // 2.

    Returns
    -------
    CheckedVariants
        All N in their order; those to be scored are its `ok`.

    Raises
    ------
    ValueError
        A length below 1.

    Notes
    -----
    Nothing is cut: memory does not depend on `length`. The Ns of a contig are searched
    once, about 1 ms per megabase.

    Examples
    --------
    >>> import dfim
    >>> from dfim.genome.genome import Genome
    >>> from dfim.genome.intervals import Contigs
    >>> from dfim.variants.variants import Variants
    >>> bases = dfim.base_codes(dfim.one_hot_encode(["ACGTACGTACGT"]))
    >>> genome = Genome(Contigs(("chr1",), (12,)), tuple(bases))
    >>> places = [5, 5, 5, 1]  # 0-based
    >>> variants = Variants.build(
    ...     ["chr1"] * 4, places, ["C", "T", "CG", "C"], ["T", "C", "C", "A"], row=range(1, 5)
    ... )
    >>> checked = dfim.check_variants(variants, genome, length=8)
    >>> checked.status.tolist()
    ['ok', 'swapped', 'indel', 'window_leaves_contig']
    >>> checked.ok.name.tolist()
    ['chr1:6:C>T']
    """
    if length < 1:
        raise ValueError(f"length: got {length}, expected bp, 1 or more")
    ref, ref_size = allele_codes(variants.ref)
    alt, alt_size = allele_codes(variants.alt)
    contig = genome.contigs.index(variants.contig)
    size = np.array([*genome.contigs.lengths, 0])[contig]  # the 0 is of contig -1
    start = variants.position - length // 2
    inside = (variants.position >= 0) & (variants.position < size)
    whole = (start >= 0) & (start + length <= size)
    base = np.full(len(variants), UNKNOWN, np.uint8)
    base[inside] = genome.windows(contig[inside], variants.position[inside], 1)[:, 0]
    holds_n = np.zeros(len(variants), bool)
    holds_n[whole] = _any_unknown(genome, contig[whole], start[whole], length)
    faults = {
        "not_acgt": (ref_size == 0) | (alt_size == 0),
        "same_alleles": variants.ref == variants.alt,
        "indel": ref_size != alt_size,
        "multi_base": ref_size > 1,
        "unknown_contig": contig < 0,
        "outside_contig": ~inside,
        "n_at_variant": base == UNKNOWN,
        "swapped": base == alt,
        "reference_mismatch": base != ref,
        "window_leaves_contig": ~whole,
        "n_in_window": holds_n,
    }
    status = np.select(list(faults.values()), list(faults), "ok").astype(object)
    good = np.flatnonzero(status == "ok")
    key = pd.DataFrame({"c": contig[good], "p": variants.position[good], "a": alt[good]})
    status[good[key.duplicated()]] = "duplicate"
    checked = CheckedVariants(variants, status.astype(str))
    counts = ", ".join(f"{n} {name}" for name, n in checked.counts.items() if n)
    log.info("variants: %d rows: %s", len(variants), counts)
    return checked


def cut_variant_windows(variants: Variants, genome: Genome, length: int) -> NDArray[np.uint8]:
    """Cut the input sequence of each variant, with the reference allele at its middle.

    Parameters
    ----------
    variants
        N single-base variants, such as `CheckedVariants.ok`.
    genome
        The one that they were checked against.
    length
        Of the input sequences in bp.

    Returns
    -------
    ndarray of uint8, shape (N, length)
        Codes 0 to 4 (A, C, G, T, N), for `dfim.one_hot`; the variant is at index
        length // 2, as in the paper's released sequences.

    Raises
    ------
    ValueError
        With the variant: no such contig, a sequence that leaves its contig, or another
        base in the genome than ref.

    Examples
    --------
    >>> import dfim
    >>> from dfim.genome.genome import Genome
    >>> from dfim.genome.intervals import Contigs
    >>> from dfim.variants.variants import Variants
    >>> bases = dfim.base_codes(dfim.one_hot_encode(["ACGTACGTACGT"]))
    >>> genome = Genome(Contigs(("chr1",), (12,)), tuple(bases))
    >>> variants = Variants.build(["chr1"], [5], ["C"], ["T"], row=[1])
    >>> dfim.cut_variant_windows(variants, genome, length=8).tolist()
    [[1, 2, 3, 0, 1, 2, 3, 0]]
    """
    contig = genome.contigs.index(variants.contig)
    _require(variants, contig >= 0, "is on no contig of the genome")
    codes = genome.windows(contig, variants.position - length // 2, length)
    base, size = allele_codes(variants.ref)
    _require(
        variants,
        (size == 1) & (codes[:, length // 2] == base),
        "has not the base of the genome as its reference allele",
    )
    return codes


def allele_codes(alleles: Texts) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the code of each single base (else `UNKNOWN`), and the bases of each allele.

    The second is 0 for an allele that is not of A, C, G, T. Each distinct allele is
    looked at once.
    """
    index, distinct = pd.factorize(np.asarray(alleles, object))
    letters = set(ALPHABET)
    sizes = [len(allele) if set(allele) <= letters else 0 for allele in distinct]
    codes = [ALPHABET.index(a) if a in letters else UNKNOWN for a in distinct]
    return np.array(codes, np.uint8)[index], np.array(sizes, np.int64)[index]


def _any_unknown(
    genome: Genome, contig: NDArray[np.int64], start: NDArray[np.int64], length: int
) -> NDArray[np.bool_]:
    """Tell (N,) which stretches hold an N: more Ns lie before the end than before the start."""
    holds_n = np.zeros(len(start), bool)
    for place in np.unique(contig):
        rows = contig == place
        unknown = np.flatnonzero(genome.codes[place] == UNKNOWN)
        before, until = np.searchsorted(unknown, [start[rows], start[rows] + length])
        holds_n[rows] = before < until
    return holds_n


def _require(variants: Variants, right: NDArray[np.bool_], fault: str) -> None:
    if not right.all():
        raise ValueError(
            f"variants: {variants.label(int(np.argmin(right)))} {fault}; expected variants "
            "that check_variants finds ok"
        )

"""Windows around variants, with either allele; and variants found by a printed place."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dfim.genome import Genome
from dfim.variants import Variants, allele_codes, check_variants


def variant_windows(variants: Variants, genome: Genome, length: int) -> NDArray[np.uint8]:
    """Cut the window of each variant, with the reference allele in its middle.

    Parameters
    ----------
    variants
        Single-base variants, such as `CheckedVariants.ok`.
    genome
        The one that they were checked against.
    length
        In bp.

    Returns
    -------
    ndarray of uint8, shape (N, length)
        Codes 0-4; the variant is at index length // 2, as in the paper's released
        windows. `with_allele` makes the other window.

    Raises
    ------
    ValueError
        With the variant: no contig, a window that leaves its contig, or another
        base there than ref.
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


def with_allele(codes: NDArray[np.uint8], alleles: Sequence[str]) -> NDArray[np.uint8]:
    """Put one base into the middle of each window.

    Parameters
    ----------
    codes
        (N, L) windows of `variant_windows`.
    alleles
        (N,) single bases, such as `Variants.alt`.

    Returns
    -------
    ndarray of uint8, shape (N, L)
        A copy with index L // 2 exchanged.

    Raises
    ------
    ValueError
        For an allele that is not one base, with its index, or an unequal number.
    """
    base, size = allele_codes(alleles)
    if len(base) != len(codes):
        raise ValueError(f"alleles: got {len(base)}, expected one for each of {len(codes)}")
    if (size != 1).any():
        at = int(np.argmax(size != 1))
        raise ValueError(f"alleles: entry {at} is {alleles[at]!r}, expected A, C, G or T")
    made = codes.copy()
    made[:, codes.shape[1] // 2] = base
    return made


def find_locus(
    variants: Variants, genome: Genome, contig: str, position: int, *, tolerance: int = 1
) -> int | None:
    """Find the variant that a printed position means, 0-based or 1-based.

    The paper prints some loci in one convention and some in the other. The genome
    decides: only variants whose reference allele stands there are considered.

    Parameters
    ----------
    variants
        Where to look, such as one factor's bQTLs.
    genome
        Must hold the contig.
    contig, position
        As printed, the contig with or without "chr".
    tolerance
        Largest difference from the variant's 1-based position.

    Returns
    -------
    int or None
        Index into `variants`, of the first where rows repeat; None where there is
        no variant so near.

    Raises
    ------
    ValueError
        Several variants fit, or none of those so near has the genome's base; both
        with the candidates.
    """
    place = genome.contigs.index([contig])[0]
    near = np.abs(variants.position + 1 - position) <= tolerance
    near &= (genome.contigs.index(variants.contig) == place) & (place >= 0)
    found = np.flatnonzero(near)
    if not found.size:
        return None
    status = check_variants(variants.select(found), genome, 1).status
    fit = found[status == "ok"]
    if len(fit) != 1:
        which = "; ".join(variants.label(at) for at in (fit if fit.size else found))
        what = "several variants fit" if fit.size else "no variant has the genome's base"
        raise ValueError(
            f"{contig}:{position}: {what}: {which}; expected one: look among fewer variants, "
            "or with its 1-based position and tolerance 0, or check the assembly"
        )
    return int(fit[0])


def _require(variants: Variants, right: NDArray[np.bool_], fault: str) -> None:
    if not right.all():
        raise ValueError(
            f"variants: {variants.label(int(np.argmin(right)))} {fault}; expected variants "
            "that check_variants finds ok"
        )

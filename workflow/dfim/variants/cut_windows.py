"""Windows around variants, with the reference allele in the middle."""

import numpy as np
from numpy.typing import NDArray

from dfim.genome.genome import Genome
from dfim.variants.variants import Variants, allele_codes


def cut_variant_windows(variants: Variants, genome: Genome, length: int) -> NDArray[np.uint8]:
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
        windows.

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


def _require(variants: Variants, right: NDArray[np.bool_], fault: str) -> None:
    if not right.all():
        raise ValueError(
            f"variants: {variants.label(int(np.argmin(right)))} {fault}; expected variants "
            "that check_variants finds ok"
        )

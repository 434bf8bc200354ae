"""Motif sites near variants: PWM matches with either allele, and the FIS over them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfim.motifs.meme import Pwm
from dfim.motifs.pwms import scan_pwms
from dfim.variants.alleles import require_variant_inputs, with_base
from dfim.variants.scores import VariantScores

COLUMNS = (
    "variant", "motif", "start", "end", "strand", "distance", "found_in", "score_ref",
    "score_alt", "fis",
)  # fmt: skip
"""Of the table of `affected_motifs`."""
_KEY = ["variant", "start", "end", "motif", "strand"]
_ANY_SCORE = float(np.nextafter(1, 0))  # the p-value that every word has at most


def affected_motifs(
    scores: VariantScores,
    X: NDArray[np.uint8],
    pwms: Sequence[Pwm],
    *,
    p_value: float = 1e-4,
    gc: float = 0.46,
    half_width: int | None = None,
    min_abs_fis: float = 0,
) -> pd.DataFrame:
    """Sum the FIS of each variant's ALT over the motif sites of its input sequence.

    Parameters
    ----------
    scores
        Of N variants, with their ALT.
    X
        (N, L, 4) uint8 one-hot sequences with the reference base, as for
        `dfim.score_variants`.
    pwms
        Motifs to look for, on both strands.
    p_value, gc
        What makes a word a site: `dfim.motifs.pwms.scan_pwms`.
    half_width
        Sites with a base up to so many bp from the variant; None: in the whole sequence.
    min_abs_fis
        Sites with less are left out, unless they cover the variant.

    Returns
    -------
    DataFrame
        One row per variant and site of either allele; the largest |fis| of a variant
        first (ties: the best score in either allele):

        ====================== =====================================================
        variant                index of the variant
        motif, strand          name of the PWM; "+" or "-"
        start, end             in the input sequence, 0-based, half-open
        distance               bp from the variant to the site's nearest base,
                               negative to the left; 0 where the site covers it
        found_in               both, ref (ALT destroys the site) or alt (creates it)
        score_ref, score_alt   log-odds (bits) of the site's bases with either allele;
                               they differ only where the site covers the variant
        fis                    sum of the FIS (importance in the reference minus in the
                               mutant) over the site, the variant left out: positive
                               where ALT takes importance from it (logit)
        ====================== =====================================================

    Raises
    ------
    ValueError
        A variant without ALT, sequences that are not those of the scores, a PWM that
        `scan_pwms` refuses.

    Notes
    -----
    Two scans of all sequences; about 4 · p_value · L sites per PWM and variant are expected
    by chance. A sum grows with the width of a site, and similar PWMs share their sites: give
    one PWM per family where the first row is to name the motif.
    """
    position = require_variant_inputs(X, scores.position)
    if len(X) != len(scores):
        raise ValueError(f"X: got {len(X)} sequences, expected one for each of {len(scores)}")
    if (scores.alt < 0).any():
        raise ValueError(
            f"scores: variant {int(np.argmax(scores.alt < 0))} has no ALT; expected one for "
            "each: give alleles to score_variants"
        )
    sequences = {"ref": X, "alt": with_base(X, position, scores.alt_base)}
    by_allele = {
        allele: _sites(with_allele, pwms, p_value, gc).rename(
            columns={"score": f"score_{allele}"}
        )
        for allele, with_allele in sequences.items()
    }
    sites = by_allele["ref"].merge(by_allele["alt"], on=_KEY, how="outer", indicator="found_in")
    sites["found_in"] = (
        sites["found_in"]
        .map({"both": "both", "left_only": "ref", "right_only": "alt"})
        .astype(str)
    )
    for allele, with_allele in sequences.items():
        sites[f"score_{allele}"] = _complete(sites, f"score_{allele}", with_allele, pwms, gc)
    before = position - (sites["end"] - 1)  # bp that the site's last base lies to the left
    after = sites["start"] - position
    sites["distance"] = np.where(before > 0, -before, np.maximum(after, 0))
    total = np.zeros((len(X), X.shape[1] + 1))
    np.cumsum(np.nan_to_num(scores.of_alt()), axis=1, dtype=np.float64, out=total[:, 1:])
    variant = sites["variant"].to_numpy()
    sites["fis"] = total[variant, sites["end"]] - total[variant, sites["start"]]
    away = sites["distance"].abs()
    kept = (away == 0) | (sites["fis"].abs() >= min_abs_fis)
    if half_width is not None:
        kept &= away <= half_width
    sites["size"], sites["best"] = (
        sites["fis"].abs(),
        sites[["score_ref", "score_alt"]].max(axis=1),
    )
    order = ["variant", "size", "best", "start", "motif", "strand"]
    sites = sites[kept].sort_values(order, ascending=[True, False, False, True, True, True])
    return sites[list(COLUMNS)].reset_index(drop=True)


def strongest_motifs(sites: pd.DataFrame, n: int) -> pd.DataFrame:
    """Return the first site of each variant in the table of `affected_motifs`.

    n rows, NA where a variant has no site.
    """
    first = sites.drop_duplicates("variant").set_index("variant")
    integers = dict.fromkeys(("start", "end", "distance"), "Int64")
    return first.astype(integers).reindex(range(n))


def _sites(
    X: NDArray[np.uint8], pwms: Sequence[Pwm], p_value: float, gc: float
) -> pd.DataFrame:
    sites = scan_pwms(X, pwms, p_value=p_value, gc=gc)
    columns: dict[str, Any] = {
        "variant": sites.features.sequence,
        "start": sites.features.start,
        "end": sites.features.end,
        "motif": sites.features.name.astype(object),
        "strand": sites.features.strand.astype(object),
    }
    return pd.DataFrame(columns | {"score": sites.score})


def _complete(
    sites: pd.DataFrame, column: str, X: NDArray[np.uint8], pwms: Sequence[Pwm], gc: float
) -> NDArray[np.float64]:
    """Fill in the scores of bases that are a site with the other allele only."""
    score = sites[column].to_numpy(np.float64, copy=True)
    for pwm in pwms:
        rows = np.flatnonzero(np.isnan(score) & (sites["motif"] == pwm.name))
        if not rows.size:
            continue
        place = sites["start"].to_numpy()[rows, None] + np.arange(len(pwm.probabilities))
        words = X[sites["variant"].to_numpy()[rows, None], place]
        reverse = (sites["strand"].to_numpy()[rows] == "-")[:, None, None]
        words = np.where(reverse, words[:, ::-1, ::-1], words)
        matches = scan_pwms(words, [pwm], p_value=_ANY_SCORE, gc=gc, both_strands=False)
        score[rows[matches.features.sequence]] = matches.score
    return score

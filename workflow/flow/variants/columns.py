"""Columns of a figure of single variants, as `score_variant_panels` wrote them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfim.io.store import read_arrays
from dfim.sequences.encoding import ALPHABET
from flow.variants.groups import ALPHA
from flow.variants.scorecard import chosen_text, p_phrase

_ARRAYS = ("ref", "alt", "importance_ref", "importance_alt", "fis", "p", "q")
_LETTER = 0.058  # inches a letter of a motif's name is wide


@dataclass(frozen=True)
class MotifBar:
    """A motif match above the tracks; positions are bp from the variant.

    Attributes
    ----------
    name, text
        Of the motif, and what is written on the bar.
    left, right
        Its edges.
    text_left
        Where the text starts, which may be longer than the bar.
    lane
        Row that it fits in.
    """

    name: str
    text: str
    left: float
    right: float
    text_left: float
    lane: int


@dataclass(frozen=True)
class Panel:
    """One column: the variant that was chosen, and its arrays (none where no variant fits)."""

    about: dict[str, Any]
    arrays: dict[str, NDArray[Any]]

    @property
    def found(self) -> bool:
        """Whether there is a variant to show."""
        return bool(self.about["found"])

    @property
    def offset(self) -> int:
        """Distance of the first base shown from the variant, in bp: 0 or negative."""
        return int(self.about["start"] - self.about["position"])

    @property
    def ref(self) -> str:
        """The reference base."""
        return ALPHABET[int(self.arrays["ref"][-self.offset].argmax())]

    @property
    def significant(self) -> NDArray[np.bool_]:
        """(W,) positions with p < `ALPHA`."""
        return np.nan_to_num(self.arrays["p"], nan=1.0) < ALPHA

    @property
    def total(self) -> float:
        """Sum of the FIS up to the half width on either side (logit)."""
        away = np.abs(np.arange(len(self.arrays["fis"])) + self.offset)
        return float(np.nansum(self.arrays["fis"][away <= self.about["half_width"]]))

    @property
    def tested(self) -> int:
        """Number of positions with a p-value."""
        return int(np.isfinite(self.arrays["p"]).sum())

    def heading(self) -> str:
        """Write the heading: position, alleles, name; set, p, stronger allele, ALT − REF."""
        about = self.about
        name = about["name"] if about["name"] not in ("", ".", "NA", about["label"]) else ""
        parts = [about["set"]] if about["set"] else []
        if about["p_value"] is not None and np.isfinite(about["p_value"]):
            parts.append(p_phrase(about["p_value"]))
        parts += [f"{about['stronger']} stronger"] if about["stronger"] else []
        parts.append(f"Δlogit (ALT − REF) {about['delta']:+.2f}".replace("-", "−"))
        return f"{about['label']}  {name}".strip() + "\n" + ", ".join(parts)

    def note(self) -> str:
        """Say how the column was chosen, and what its p-values rest on."""
        about, text = self.about, chosen_text(self.about)
        if not self.found or not self.tested:
            return text
        return (
            f"{text}; null: {about['n_null']:,} scores of {about['n_shuffles']} shuffles, by "
            f"distance, of which {100 * about['realised']:.1f} % have p < {ALPHA:g} "
            f"({100 * about['realised_near']:.1f} % within 5 bp); here "
            f"{int(self.significant.sum())} of {self.tested} positions"
        )

    def bars(self, inches: float) -> list[MotifBar]:
        """Motif matches in as few lanes as they and their names fit in.

        Parameters
        ----------
        inches
            Width of the column.
        """
        width = len(self.arrays["fis"])
        first, last = self.offset - 0.5, self.offset + width - 0.5
        ends: list[float] = []
        placed = []
        for motif in sorted(self.about["motifs"], key=lambda m: (m["start"], m["end"])):
            left, right = (
                motif[end] - self.about["position"] - 0.5 for end in ("start", "end")
            )
            left, right = max(left, first), min(right, last)
            name = motif["name"]
            text = f"{name} →" if motif["strand"] == "+" else f"← {name}"
            if motif.get("found_in") in ("ref", "alt"):
                text += f" ({motif['found_in'].upper()} only)"
            span = _LETTER * (len(text) + 1) * width / inches
            at = max(first, min(left, last - span))
            lane = next((k for k, end in enumerate(ends) if end <= min(at, left)), len(ends))
            ends[lane : lane + 1] = [max(right, at + span)]
            placed.append(MotifBar(name, text, left, right, at, lane))
        return placed

    def table(self) -> pd.DataFrame:
        """Tabulate the tracks, then the map; no rows where no variant fits."""
        if not self.found:
            return pd.DataFrame()
        arrays, pos = self.arrays, self.about["pos"]
        place = np.arange(len(arrays["fis"])) + self.offset
        whose = {name: self.about[name] for name in ("figure", "column")}
        whose["variant"] = self.about["label"]
        where = {"position": place + pos, "offset": place}
        bases = {f"base_{allele}": letters(arrays[allele]) for allele in ("ref", "alt")}
        values = {name: arrays[name] for name in _ARRAYS[2:]}
        tracks = pd.DataFrame({**whose, "what": "track", **where, **bases, **values})
        if "map" not in arrays:
            return tracks
        source, target = (place[index.ravel()] for index in np.indices(arrays["map"].shape))
        where = {"position": target + pos, "offset": target, "source_offset": source}
        cells = {**whose, "what": "map", **where, "max_abs_fis": arrays["map"].ravel()}
        return pd.concat([tracks, pd.DataFrame(cells)])


def load_panels(path: str, figure: str) -> list[Panel]:
    """Read the columns of a figure, left to right.

    Raises
    ------
    ValueError
        No column of the figure, a missing array, a file of an earlier version.
    """
    arrays, attributes = read_arrays(path)
    panels = []
    for number, about in enumerate(attributes["panels"]):
        if about["figure"] != figure:
            continue
        names = (*_ARRAYS, *(["map"] if about.get("has_map") else [])) if about["found"] else ()
        if about["found"] and "delta" not in about:
            raise ValueError(
                f"{path}: holds no 'delta' (logit of ALT minus REF), so it is of an earlier "
                "version; delete it and run its step again"
            )
        missing = [name for name in names if f"p{number}_{name}" not in arrays]
        if missing:
            raise ValueError(
                f"{path}: array p{number}_{missing[0]} is missing; delete it and run again"
            )
        panels.append(Panel(about, {name: arrays[f"p{number}_{name}"] for name in names}))
    if not panels:
        raise ValueError(f"{path}: no panels of {figure}; delete it and run its step again")
    return sorted(panels, key=lambda panel: panel.about["column"])


def letters(one_hot: NDArray[np.integer]) -> list[str]:
    """Return one letter per row of one-hot bases; N where a row is zero."""
    return [ALPHABET[int(row.argmax())] if row.any() else "N" for row in one_hot]

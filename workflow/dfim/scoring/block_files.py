"""Readers of files of blocks (`dfim.scoring.blocks`), and the parameters they all keep."""

import hashlib
import os
from dataclasses import fields
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from dfim.attribution.base import Attributor
from dfim.io.hdf5 import content_digest, open_hdf5
from dfim.scoring.block_layout import Shard, read_header, rows_of_shard
from dfim.scoring.provenance import ScoreInfo
from dfim.scoring.settings import ScoringSettings
from dfim.sequences.encoding import UNKNOWN


def scoring_parameters(
    attributor: Attributor,
    codes: NDArray[np.uint8],
    settings: ScoringSettings,
    *,
    model: str | None = None,
) -> dict[str, Any]:
    """Collect the parameters that determine scores of sequences, to be kept in their file.

    Parameters
    ----------
    attributor
        Importance method on a model.
    codes
        (N, L) base codes: 0-3 for A, C, G, T and 4 for N.
    settings
        Scoring choices.
    model
        Digest of the model; by default the one that `dfim.make_attributor` took.

    Returns
    -------
    dict
        The record of `ScoreInfo`, `sequences` (SHA-256 of the codes) and their `shape`.

    Raises
    ------
    ValueError
        Codes of another shape or type, or of a length that is not the model's.
    """
    if codes.ndim != 2 or codes.dtype != np.uint8 or not len(codes):
        raise ValueError(
            f"codes: got {codes.dtype} {codes.shape}, expected uint8 (sequences, length), as "
            "dfim.base_codes(X) gives"
        )
    if codes.shape[1] != attributor.length:
        raise ValueError(
            f"codes: got sequences of {codes.shape[1]} bp, expected the model's "
            f"{attributor.length}"
        )
    if codes.max() > UNKNOWN:
        raise ValueError(f"codes: got {codes.max()}, expected 0 to 3 (A, C, G, T) or 4 (N)")
    return {
        **ScoreInfo.of(attributor, settings, model=model).record(),
        "sequences": hashlib.sha256(np.ascontiguousarray(codes).data).hexdigest(),
        "shape": list(codes.shape),
    }


class BlockFile:
    """A file, or a shard of a file, that `write_blocks` wrote; its kinds say how to read it.

    Parameters
    ----------
    path
        The HDF5 file.

    Attributes
    ----------
    parameters
        Method, model, settings, sequences, seed, block, ... that determine the scores.
    shard
        (k, of) where it is a shard, else None.
    rows
        The sequences whose scores it holds.

    Raises
    ------
    ValueError
        A file that is damaged, or holds something else, such as the format of an older version.
    """

    kind: ClassVar[str]
    holds: ClassVar[str]
    names: ClassVar[tuple[str, ...]]

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        header = read_header(self.path)
        with open_hdf5(self.path) as file:
            there = sorted(file)
        noted = header.parameters
        empty = header.shard is not None and not len(header)
        if noted.get("kind") != self.kind or not (empty or {*self.names} <= {*there}):
            raise ValueError(
                f"{self.path}: holds no {self.holds} of dfim (kind {noted.get('kind')!r}, "
                f"arrays {there}); expected {self.kind!r} with {sorted(self.names)}"
            )
        self.parameters: dict[str, Any] = noted
        self.shard: Shard | None = header.shard
        self.rows = rows_of_shard(header.rows, header.block, header.shard)

    @property
    def info(self) -> ScoreInfo:
        """Method, model, settings, units and sign of the scores."""
        names = {one.name for one in fields(ScoreInfo)}
        return ScoreInfo.from_record({n: v for n, v in self.parameters.items() if n in names})

    def read(self, names: tuple[str, ...], rows: int | slice = slice(None)) -> dict[str, Any]:
        """Read some rows of some arrays; damage is a `ValueError` with the file."""
        with open_hdf5(self.path) as file:
            return {name: file[name][rows] for name in names}

    def content_digest(self) -> str:
        """Give the SHA-256 of the file's content: `dfim.io.hdf5.content_digest`."""
        return content_digest(self.path)

    def __repr__(self) -> str:
        rows = f"sequences {self.rows.start} to {self.rows.stop}"
        share = f", shard {self.shard[0]} of {self.shard[1]}" if self.shard else ""
        return f"{type(self).__name__}({str(self.path)!r}: {rows}{share}; {self.info})"

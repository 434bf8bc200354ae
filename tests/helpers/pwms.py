"""Position weight matrices at random, and the weights that their documentation promises."""

import numpy as np

from dfim.motifs.meme import Pwm
from dfim.sequences.encoding import one_hot_encode
from helpers.small_models import LENGTH


def random_pwm(width, seed):
    return Pwm(f"m{seed}", np.random.default_rng(seed).dirichlet([0.4] * 4, width))


def log_odds(pwm, gc, pseudocount=1e-3):
    """The documented weights, rounded to 1/128 bit."""
    q = np.array([1 - gc, gc, gc, 1 - gc]) / 2
    P = pwm.probabilities / pwm.probabilities.sum(axis=1, keepdims=True)
    return np.round(128 * np.log2(((1 - pseudocount) * P + pseudocount * q) / q)) / 128


def pwm_of(name, word):
    return Pwm(name, one_hot_encode([word])[0] * 0.96 + 0.01)


GATA, ETS = pwm_of("GATA", "AGATAAG"), pwm_of("ETS", "CCGGAAGT")


def window(words):
    """Poly-T with words at places."""
    text = "T" * LENGTH
    for place, word in words.items():
        text = text[:place] + word + text[place + len(word) :]
    return text

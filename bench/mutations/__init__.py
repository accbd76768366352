"""Model files, weights, samples and images with something wrong in them, for bench/fuzz.py.

`case(i, seed, corpus)` is the i-th of them, the same every time: it depends on
nothing but these numbers and the corpus of sound files.
"""

from __future__ import annotations

import random

from mutations.kinds import KINDS, NETWORK, NETWORK_FILE, Case, Corpus

__all__ = ["KINDS", "NETWORK", "NETWORK_FILE", "Case", "Corpus", "case"]


def case(number: int, seed: int, corpus: Corpus) -> Case:
    """The file of this number."""
    kind = corpus.kinds[number % len(corpus.kinds)]
    return KINDS[kind](random.Random(f"{seed}/{number}"), corpus)

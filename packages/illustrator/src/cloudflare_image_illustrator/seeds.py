"""Random numbers from a request's seed."""

import hashlib

import numpy as np


def seeded(seed: int, *names: object) -> np.random.Generator:
    """An independent stream of random numbers for one purpose; the same in every process."""
    digest = hashlib.blake2b("|".join(map(str, (seed, *names))).encode(), digest_size=16).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest, "big")))

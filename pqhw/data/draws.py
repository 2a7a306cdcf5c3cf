"""Random numbers of generated images: every image has a stream of its own."""

from collections.abc import Iterable

import numpy as np

__all__ = ["Draws"]

NUMBERS = 320
"""Words of a stream that numbers are drawn from; noise comes from those behind."""

NOISE_BYTES = 4
"""Bytes in the sum of a noise value."""

NOISE_MEAN = NOISE_BYTES * 255 / 2
NOISE_DEVIATION = (NOISE_BYTES * (256**2 - 1) / 12) ** 0.5


class Draws:
    """Random numbers of a batch of images, drawn one after the other for all images at once.

    An image's numbers depend on (seed, part, index) alone, whatever the batch. They are made of the
    raw words of PCG64 by exact steps, so that they are the same on every machine and with every
    version of NumPy, which keeps its bit generators but not its distributions.

    Parameters
    ----------
    seed, part: 0 to 2**32 - 1
    indices: of the batch's images, each 0 to 2**32 - 1
    noise: number of noise values per image
    """

    def __init__(self, seed: int, part: int, indices: Iterable[int], noise: int = 0):
        words = NUMBERS + -(-noise * NOISE_BYTES // 8)
        self._words = np.stack([
            np.random.PCG64(np.random.SeedSequence([seed, part, int(index)])).random_raw(words)
            for index in indices])
        self._used = 0
        self._noise = noise

    def uniform(self, low: float, high: float, *shape: int) -> np.ndarray:
        """Numbers [B, *shape] float32 from `low` to `high`."""
        count = int(np.prod(shape, dtype=int))
        words = self._words[:, self._used:self._used + count]
        self._used += count
        assert self._used <= NUMBERS, "NUMBERS is too small"
        unit = (words >> np.uint64(40)).astype(np.float32) * np.float32(2**-24)
        return (np.float32(low) + np.float32(high - low) * unit).reshape(len(words), *shape)

    def choice(self, count: int, *shape: int) -> np.ndarray:
        """Integers [B, *shape] from 0 to count - 1."""
        return self.uniform(0, count, *shape).astype(np.int64)

    def chance(self, probability: float) -> np.ndarray:
        """Booleans [B], true with the probability."""
        return self.uniform(0, 1) < probability

    def noise(self) -> np.ndarray:
        """The noise [B, noise] float32: mean 0, deviation 1, close to normal, at most 3.5."""
        raw = np.ascontiguousarray(self._words[:, NUMBERS:]).astype("<u8").view(np.uint8)
        raw = raw[:, :self._noise * NOISE_BYTES].reshape(len(raw), self._noise, NOISE_BYTES)
        total = raw[..., 0].astype(np.float32)
        for index in range(1, NOISE_BYTES):
            total += raw[..., index]
        return (total - np.float32(NOISE_MEAN)) / np.float32(NOISE_DEVIATION)

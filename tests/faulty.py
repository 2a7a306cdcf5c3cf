"""A line that damages what passes, and a board that loses its power."""

import random

__all__ = ["FAULTS", "FaultyPort"]


def flip(rng, data):
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1:]


def drop(rng, data):
    at = rng.randrange(len(data))
    return data[:at] + data[at + 1:]


def inject(rng, data):
    at = rng.randrange(len(data) + 1)
    extra = bytes(rng.choice([rng.randrange(256), 0x7E, 0x7D]) for _ in range(rng.randint(1, 20)))
    return data[:at] + extra + data[at:]


def truncate(rng, data):
    return data[:rng.randrange(len(data))]


def behead(rng, data):
    return data[rng.randrange(len(data)):]


def duplicate(rng, data):
    return data + data


def repeat_part(rng, data):
    start, end = sorted(rng.randrange(len(data) + 1) for _ in range(2))
    return data[:end] + data[start:end] + data[end:]


def swap(rng, data):
    if len(data) < 2:
        return data
    at = rng.randrange(len(data) - 1)
    return data[:at] + bytes([data[at + 1], data[at]]) + data[at + 2:]


def lose(rng, data):
    return b""


FAULTS = {made.__name__: made for made in (flip, drop, inject, truncate, behead, duplicate,
                                           repeat_part, swap, lose)}


class FaultyPort:
    """A simulated port on which some of what is written and read suffers a fault.

    `chance` is that of each frame sent and each piece read; `outages` are the numbers of requests
    in the midst of which the board is switched off and on.
    """

    def __init__(self, port, faults=tuple(FAULTS), chance=0.0, seed=0, outages=()):
        self.port, self.chance, self.outages = port, chance, set(outages)
        self.faults = [FAULTS[name] for name in faults]
        self.rng = random.Random(seed)
        self.latency = port.latency
        self.writes = self.done = 0

    def damaged(self, data):
        if data and self.rng.random() < self.chance:
            self.done += 1
            return self.rng.choice(self.faults)(self.rng, data)
        return data

    def now(self):
        return self.port.now()

    def write(self, data):
        self.writes += 1
        data = self.damaged(data)
        if self.writes in self.outages:
            half = self.rng.randrange(len(data) + 1)
            self.port.write(data[:half])
            self.port.read(self.rng.random() * 1e-3)
            self.port.board.power_cycle()
            data = data[half:]
        self.port.write(data)

    def read(self, seconds):
        return self.damaged(self.port.read(seconds))

    def close(self):
        self.port.close()

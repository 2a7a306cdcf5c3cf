"""What tells a file with an integer network from others."""

__all__ = ["DOMAIN", "FORMAT", "HIGH", "LOW", "STEP", "VERSION"]

DOMAIN = "pqhw"
"""Domain of the operators `PQEncode` and `PQLookup`."""

FORMAT, LOW, HIGH = "pqhw.integer_network", "pqhw.input_low", "pqhw.input_high"
"""Names of a file's properties: the version of what it holds, and the range of its input."""

STEP = "pqhw.step/"
"""What the name of a property begins with that has the real value of 1 of a tensor; its name ends
it."""

VERSION = "1"

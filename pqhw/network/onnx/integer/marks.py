"""What tells a file with an integer network from others."""

__all__ = ["DOMAIN", "FORMAT", "HIGH", "LOW", "VERSION"]

DOMAIN = "pqhw"
"""Domain of the operators `PQEncode` and `PQLookup`."""

FORMAT, LOW, HIGH = "pqhw.integer_network", "pqhw.input_low", "pqhw.input_high"
"""Names of a file's properties: the version of what it holds, and the range of its input."""

VERSION = "1"

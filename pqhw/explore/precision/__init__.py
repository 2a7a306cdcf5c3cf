"""Bits of every layer: what they cost on a memory hierarchy, what they lose, the best trades."""

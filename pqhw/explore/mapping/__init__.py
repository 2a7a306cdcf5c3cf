"""Mapping layers onto memory hierarchies: access counts, energy, cycles, and the best mapping."""

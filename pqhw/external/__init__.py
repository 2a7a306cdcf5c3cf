"""Generators of others behind our ports, measured as our engines are."""

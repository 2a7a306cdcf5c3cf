"""Cycle and area models of accelerators, and what they say beside measured designs."""

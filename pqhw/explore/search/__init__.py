"""Searches over our own engines: their kinds and foldings, layer by layer, within a device."""

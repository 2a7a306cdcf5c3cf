"""Boards that carry an accelerator: what is on each, and the design's top around the accelerator.
"""

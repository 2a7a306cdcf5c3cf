"""Image classification data sets. NumPy alone."""

from .dataset import DataError, Dataset, DataTypeError
from .glyph_set import GlyphsSpec, glyphs

__all__ = ["DataError", "DataTypeError", "Dataset", "GlyphsSpec", "glyphs"]

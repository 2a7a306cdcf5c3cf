"""Image classification data sets: published, of one's own, and generated. NumPy alone, but for
image folders (Pillow) and the digits (scikit-learn)."""

from .cifar import CIFAR10_CLASSES, load_cifar10
from .dataset import DataError, Dataset, DataTypeError
from .digits import digits_images
from .files import load_npz, save_npz
from .folder import load_folder
from .glyph_set import GlyphsSpec, glyphs
from .sources import KNOWN, load
from .preview import write_preview
from .summary import Summary, summarize

__all__ = ["CIFAR10_CLASSES", "DataError", "DataTypeError", "Dataset", "GlyphsSpec", "KNOWN",
           "Summary", "digits_images", "glyphs", "load", "load_cifar10", "load_folder", "load_npz",
           "save_npz", "summarize", "write_preview"]

"""Trained networks in floating point, and a small one to try. NumPy alone, but for learning."""

from .dense import DenseNetwork
from .digits import Digits, LearningError, load_digits, train_digits, variations

__all__ = ["DenseNetwork", "Digits", "LearningError", "load_digits", "train_digits", "variations"]

"""Digits: the split, the variations, the trained network, and life without scikit-learn."""

import subprocess
import sys

import numpy as np
import pytest

from pqhw.network import LearningError, load_digits, train_digits, variations


@pytest.fixture(scope="module")
def digits():
    pytest.importorskip("sklearn")
    return load_digits()


def test_split_is_fixed_and_stratified(digits):
    again = load_digits()
    np.testing.assert_array_equal(digits.test_rows, again.test_rows)
    assert len(digits.train_rows) + len(digits.test_rows) == 1797
    assert digits.train_rows.min() == 0 and digits.train_rows.max() == 16
    assert digits.train_rows.dtype.kind == "i"
    shares = np.bincount(digits.test_labels) / np.bincount(
        np.concatenate([digits.train_labels, digits.test_labels]))
    assert np.ptp(shares) < 0.02


def test_variations_keep_the_rows_first_and_stay_on_the_grid(digits):
    rows = digits.train_rows[:50]
    varied = variations(rows, copies=3)
    assert varied.shape == (200, 64)
    np.testing.assert_array_equal(varied[:50], rows)
    assert varied.min() >= 0 and varied.max() <= 16 and (varied[50:100] != rows).any()
    np.testing.assert_array_equal(varied, variations(rows, copies=3))


def test_training_is_deterministic(digits):
    small = type(digits)(digits.train_rows[:200], digits.train_labels[:200],
                         digits.test_rows, digits.test_labels)
    first, second = (train_digits(small, hidden=(16,)) for _ in range(2))
    for a, b in zip(first.weights + first.biases, second.weights + second.biases):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("hidden", ["sklearn", "sklearn.datasets"])
def test_missing_library_is_one_sentence(monkeypatch, hidden):
    monkeypatch.setitem(sys.modules, hidden, None)
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(LearningError, match=r"^learning needs scikit-learn; run: pip install "
                                            r"'pqhw\[learn\]'$"):
        load_digits()


def test_import_needs_numpy_alone():
    code = ("import sys; sys.modules['sklearn'] = None; sys.modules['threadpoolctl'] = None\n"
            "import pqhw.network, pqhw.quant\n"
            "assert 'scipy' not in sys.modules and 'amaranth' not in sys.modules")
    subprocess.run([sys.executable, "-c", code], check=True)

"""PyTorch is asked for by training alone, and told of where it is missing."""

import subprocess
import sys

import pytest


def python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                          timeout=60)


@pytest.mark.parametrize("module", ["pqhw.quant", "pqhw.cli", "pqhw.report.training",
                                    "pqhw.report.study_page", "pqhw.study.run"])
def test_nothing_but_training_imports_pytorch(module):
    done = python(f"import sys, {module}; assert 'torch' not in sys.modules")
    assert done.returncode == 0, done.stderr


def test_missing_pytorch_is_told_in_a_sentence():
    done = python("import sys; sys.modules['torch'] = None\nimport pqhw.quant.training")
    assert done.stderr.strip().splitlines()[-1] == (
        "pqhw.network.digits.LearningError: learning needs PyTorch; "
        "run: pip install 'pqhw[train]'")

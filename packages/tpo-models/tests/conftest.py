"""Strict dtypes in every test, and a path to the naive transformer beside this file."""

import pathlib
import sys

import jax
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))


@pytest.fixture(autouse=True)
def strict_dtypes():
    """No silent change of dtype."""
    with jax.numpy_dtype_promotion("strict"):
        yield

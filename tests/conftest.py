"""What the tests of the workspace share."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "scripts"))


@pytest.fixture(scope="session")
def runs():
    """All published runs, which take long to read."""
    from numbers_page.runs import all_runs

    return all_runs(ROOT)


@pytest.fixture(scope="session")
def rows(runs):
    """The row of each number of the paper."""
    from numbers_page.page import all_rows

    return all_rows(runs)

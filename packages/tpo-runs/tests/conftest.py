"""What all tests of this package share, and a path to the helpers beside this file."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))


@pytest.fixture
def unrendered(monkeypatch):
    """Figures are saved without rendering, for tests of file names and messages."""
    from matplotlib.figure import Figure

    monkeypatch.setattr(Figure, "savefig", lambda self, file, **_: file.write(b"figure"))

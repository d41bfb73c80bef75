"""What all tests of this package share, and a path to the helpers beside this file."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))


@pytest.fixture(autouse=True, scope="session")
def cache_away_from_home(tmp_path_factory):
    """Compiled programs are kept by the program in the user's cache directory; not in that of the tester."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield

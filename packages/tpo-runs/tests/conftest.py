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


@pytest.fixture(autouse=True)
def own_modules_are_forgotten(tmp_path_factory):
    """A module that a test wrote is not there for the next test that writes one of the same name."""
    before, path = set(sys.modules), sys.path[:]
    yield
    sys.path[:] = path
    written = str(tmp_path_factory.getbasetemp())
    for name in set(sys.modules) - before:
        if (getattr(sys.modules[name], "__file__", None) or "").startswith(written):
            del sys.modules[name]

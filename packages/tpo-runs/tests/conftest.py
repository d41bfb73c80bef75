"""What all tests of this package share."""

import pytest


@pytest.fixture(autouse=True, scope="session")
def cache_away_from_home(tmp_path_factory):
    """Compiled programs are kept by the program in the user's cache directory; not in that of the tester."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield

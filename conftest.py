"""What the tests of all packages and of the workspace share."""

import contextlib
import gc
import os
import sys

import pytest

# A trace of JAX makes objects by the thousand and keeps them. With the default of 700, Python's search for
# garbage took a tenth of the time of the tests.
gc.set_threshold(100_000, 10, 10)


def pytest_configure(config):
    """Keep the programs that JAX compiles for later runs of the tests; `pytest --cache-clear` deletes them.

    Each process of xdist has its own, because JAX does not write them atomically. Before a run starts, each
    gets those that the others compiled in earlier runs.
    """
    if not config.pluginmanager.has_plugin("cacheprovider"):
        return
    programs, process = config.cache.mkdir("programs"), os.environ.get("PYTEST_XDIST_WORKER")
    if process is None:
        share(programs)
    settings = {
        "jax_compilation_cache_dir": str(programs / (process or "main")),
        "jax_persistent_cache_enable_xla_caches": "none",  # else the directory is part of a program's key
        "jax_persistent_cache_min_compile_time_secs": 0.0,
        "jax_persistent_cache_min_entry_size_bytes": 0,
    }
    for name, value in settings.items():
        os.environ[name.upper()] = str(value)
        if "jax" in sys.modules:  # it has read the environment
            sys.modules["jax"].config.update(name, value)


def share(programs):
    """Link the programs of each process into the directories of the others."""
    found = {file.name: file for file in programs.glob("*/*")}
    for directory in programs.iterdir():
        for name in found.keys() - {file.name for file in directory.iterdir()}:
            with contextlib.suppress(FileExistsError):  # another run of the tests has just linked it
                os.link(found[name], directory / name)


@pytest.fixture(autouse=True, scope="session")
def cache_away_from_home(tmp_path_factory):
    """What `tpo-runs` would keep in the cache of its user is kept for all tests of a process instead."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True, scope="module")
def programs_are_let_go():
    """JAX keeps each program that it compiles, gigabytes of them, which slow down those that follow."""
    yield
    if "jax" in sys.modules:
        sys.modules["jax"].clear_caches()
        gc.collect()
        gc.freeze()  # what is left stays, so the next search need not look at it


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

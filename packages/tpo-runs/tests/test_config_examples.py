"""The examples in the docstrings of the configuration run, and print what they say."""

import pytest

MODULES = ["_arguments", "_expand", "_labels", "_overrides", "_progress", "_toml", "_wording"]


def test_exported_names_exist() -> None:
    import tpo_runs

    names = [name for name in dir(tpo_runs) if not name.startswith("_")]
    assert {"Cell", "Config", "ConfigError", "LoadedConfig", "effective", "expand", "load_config"} <= set(
        names
    )
    assert all(hasattr(tpo_runs, name) for name in names)
    with pytest.raises(AttributeError, match="no attribute 'Confg'"):
        _ = tpo_runs.Confg

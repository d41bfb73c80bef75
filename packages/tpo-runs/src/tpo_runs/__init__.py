"""Training, results and figures for Target Policy Optimization, driven by TOML configs."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._cells import Cell as Cell
    from ._config_error import ConfigError as ConfigError
    from ._expand import expand as expand
    from ._load import LoadedConfig as LoadedConfig
    from ._load import load_config as load_config
    from ._specs import Config as Config
    from ._specs import effective as effective

    __version__: str

# Names are imported when they are first used: a wrong config is reported without waiting for JAX.
_MODULE_OF = {
    "Cell": "_cells",
    "Config": "_specs",
    "ConfigError": "_config_error",
    "LoadedConfig": "_load",
    "effective": "_specs",
    "expand": "_expand",
    "load_config": "_load",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("tpo-runs")
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULE_OF])

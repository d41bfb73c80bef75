"""The packages that a config needs beyond those of tpo-runs."""

import importlib.util

from .._config import ENGINES, TRACKERS, Config
from .._errors import ConfigError


def check_installed(config: Config) -> None:
    """Check that the packages of a config's trackers and executor are installed."""
    lines = [
        f"the tracker {name!r} is not installed; install it with: pip install 'tpo-runs[{name}]'"
        for name in config.tracking.to
        if importlib.util.find_spec(TRACKERS[name]) is None
    ]
    kind = config.executor.kind
    engine = ENGINES.get(kind)
    if engine and importlib.util.find_spec(engine) is None:
        fix = f"install it with: pip install 'tpo-runs[{kind}]'"
        lines.append(f"[executor] kind = {kind!r} needs {engine}, which is not installed; {fix}")
    if lines:
        raise ConfigError(lines)

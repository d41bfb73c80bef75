"""A whole run in one call."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .._config import check_custom, load_config
from .._errors import Stopped
from .._signals import StopSignals
from .._store import Store
from .experiment import FAILED, RunOptions, run
from .installed import check_installed


def run_config(
    config: str | Path | Mapping[str, Any],
    out: str | Path,
    *,
    methods: Sequence[str] | None = None,
    smoke: bool = False,
    overwrite: bool = False,
    quiet: bool = False,
) -> Store:
    """Train, store and draw what a config says, as `tpo-runs CONFIG` does.

    What the store holds is not trained again, and a call that was interrupted is resumed by the next one.

    Args:
        config: a TOML file, or its tables as a dictionary.
        out: the output directory: new, empty, or that of an earlier call.
        methods: the names of the methods to train; all by default.
        smoke: whether to apply the smoke table of the config.
        overwrite: whether to train again what is stored.
        quiet: whether to print only warnings.

    Returns:
        The store, whose `results()` and `frame()` have the metrics.

    Raises:
        ConfigError: the config or the output directory is wrong; with one line for each problem.
        RuntimeError: cells have failed; the others are complete.
        KeyboardInterrupt: after Ctrl-C, when a checkpoint is saved.

    >>> import tempfile
    >>> rollout = {"kind": "exact_group", "contexts": "all"}
    >>> config = {
    ...     "task": {"kind": "symmetric_bandit"},
    ...     "policy": {"kind": "logit_table"},
    ...     "optimizer": {"kind": "adam", "learning_rate": 0.1},
    ...     "schedule": {"steps": 10},
    ...     "method": [{"name": "TPO", "objective": {"kind": "tpo"}, "rollout": rollout}],
    ...     "figures": [],
    ... }
    >>> with tempfile.TemporaryDirectory() as out:
    ...     run_config(config, out, quiet=True).frame().num_rows
    10
    """
    loaded = load_config(config, smoke=smoke, methods=methods)
    check_custom(loaded.cells)
    check_installed(loaded.config)
    store = Store(out)
    try:
        with StopSignals() as stop:
            code = run(loaded, store.root, stop, RunOptions(smoke, overwrite, quiet))
    except Stopped as stopped:
        raise KeyboardInterrupt(f"stopped by {stopped.name}; the same call resumes") from None
    if code == FAILED:
        failures = {cell.label: store.failure(cell.key) for cell in loaded.cells}
        lines = (f"{label}: {failure}" for label, failure in failures.items() if failure)
        raise RuntimeError("; ".join(lines))
    return store

"""The figures and tables of a stored run, drawn again without training."""

from collections.abc import Sequence
from pathlib import Path

from .._config import effective, load_config
from .._console import make_console
from .._errors import ConfigError, as_storage_error
from .._store import Store, locked
from .draw import draw, having

LOOKS = ("title", "paper", "figures", "metric", "threshold")


def redraw(out: Path, config: Path | None = None, overrides: Sequence[tuple[str, str]] = ()) -> list[Path]:
    """Draw what a directory of results holds, complete or not, and print its tables.

    Args:
        out: the directory.
        config: a config file that says anew what is drawn: its title, figures, metric and threshold take the
            place of those that the run was made with. Nothing else of it is used.
        overrides: changes to that config.

    Returns:
        The files written.

    Raises:
        ConfigError: there is no run in `out` or nothing of it is complete, a file of it is damaged, another
            process holds it, or `config` is wrong.
        StorageError: the figures cannot be written.
    """
    store = Store(out)
    manifest = store.manifest()
    if config is not None:
        looks = effective(load_config(config, overrides=overrides).config)
        if not having(store.results(), looks["metric"], config):
            raise _nothing(out)
        with locked(store.root):
            store.write_manifest(manifest | {key: looks[key] for key in LOOKS})
    elsewhere = "to draw elsewhere, summarize it --to a file, and draw that --to a folder"
    with as_storage_error(store.figures, f"the results are intact; {elsewhere}"):
        files = draw(store, make_console())
    if not files:
        raise _nothing(out)
    return files


def _nothing(out: Path) -> ConfigError:
    return ConfigError([f"{out}: no block of seeds is complete yet, so there is nothing to draw"])

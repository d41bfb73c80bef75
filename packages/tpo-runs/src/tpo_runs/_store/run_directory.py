"""The directory from which a command reads a run."""

from pathlib import Path

from .._errors import ConfigError, as_config_error
from .._text import nearest, printable
from .layout import MANIFEST

MOST_NAMED = 5


def check_holds_run(out: Path) -> None:
    """Refuse a path without a run, and name the runs that may be meant.

    Raises:
        ConfigError: with one line.
    """
    with as_config_error(out):
        if (out / MANIFEST).is_file():
            return
    fault = f"{out}: is a file" if out.is_file() else f"{out / MANIFEST}: not found"
    meant = [str(run) for run in _meant(out)]
    more = ", ..." if len(meant) > MOST_NAMED else ""
    hint = f"; did you mean {' or '.join(map(repr, meant[:MOST_NAMED]))}{more}?" if meant else ""
    raise ConfigError([f"{printable(fault)}; expected the output directory of a run{hint}"])


def _meant(out: Path) -> list[Path]:
    """The run that a file belongs to, the runs in a directory, or the run beside it with the nearest name."""
    if out.is_file():
        return [out.parent] if (out.parent / MANIFEST).is_file() else []
    if out.is_dir():
        return _runs_in(out)
    beside = {run.name: run for run in _runs_in(out.parent)}
    match = nearest(out.name, beside)
    return [beside[match]] if match else []


def _runs_in(folder: Path) -> list[Path]:
    try:
        return sorted(entry.parent for entry in folder.glob(f"*/{MANIFEST}"))
    except OSError:
        return []

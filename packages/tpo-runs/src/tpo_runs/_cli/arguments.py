"""The arguments of each command."""

import argparse
import operator
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from .completion import SHELLS


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"expected an integer from 1, found {text!r}")
    return int(text)


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"expected a port from 1 to 65535, found {text!r}")
    return int(text)


def _path(text: str) -> Path:
    """A path, in which `~` is the home directory."""
    # An empty path, such as an unset variable, would be the working directory.
    if not text.strip():
        raise argparse.ArgumentTypeError("expected a path, found ''; is a shell variable not set?")
    return Path(os.path.expanduser(text))


def _axis_value(text: str) -> tuple[str, str]:
    axis, equals, value = text.partition("=")
    if not (axis.strip() and equals):
        raise argparse.ArgumentTypeError(f"expected AXIS=VALUE, found {text!r}")
    return axis.strip(), value.strip()


class _Version(argparse.Action):
    def __init__(self, **options: Any):
        super().__init__(nargs=0, **options)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        # Imported here because it is slow.
        from importlib.metadata import version

        print(f"tpo-runs {version('tpo-runs')}")
        parser.exit()


# Adds an argument to a parser.
Argument = Callable[[argparse.ArgumentParser], object]


def _argument(
    name: str, metavar: str | None, help: str, type: Callable[[str], Any] = str, /, **options: Any
) -> Argument:
    options |= {"metavar": metavar, "help": help, "type": type}
    return operator.methodcaller("add_argument", name, **options)


def _switch(name: str, help: str, **options: Any) -> Argument:
    return operator.methodcaller("add_argument", name, help=help, **{"action": "store_true", **options})


_CONFIG = (
    _argument("config", "CONFIG", "TOML file of the experiment", _path),
    _switch("--smoke", "apply the [smoke] table: a short run"),
    _argument("--methods", "NAME,NAME", "run only these methods"),
)
_OUT = _argument("out", "OUT", "output directory of a run", _path)
_POLICY = (
    _OUT,
    _argument("--method", "NAME", "the method; not needed if there is only one"),
    _argument("--seed", "N", "the seed (default: the first)", int),
)


def _sources(help: str) -> Argument:
    return _argument("sources", "OUT | SUMMARY.json", help, _path, nargs="+")


def _to(file: str) -> Argument:
    return _argument("--to", "FILE", f"file to write (default: OUT/{file})", _path)


_SECTIONS = "task, policy, objective, rollout, optimizer, figure, executor, probes or measures (default: all)"
_FIGURES = "draw the figures of this config; overrides such as --task.horizon 8 change it"
_FIGURE = "draw the learning curves of all runs to this file, as PNG and PDF"
_AT = "only cells with this value of an axis of the grid; may be given several times"
ARGUMENTS: dict[str, tuple[Argument, ...]] = {
    "run": (
        *_CONFIG,
        _argument("--out", "DIR", "output directory (default: results/CONFIG)", _path),
        _switch("--overwrite", "train again what is already stored"),
        _switch("--list", "list the cells and exit", dest="list_only"),
        _argument("--track", "NAME,NAME", "also log to these trackers: tensorboard, trackio, wandb"),
        _switch("--quiet", "print only warnings and errors"),
        _switch("--json", "print events, one JSON object per line"),
        _switch("--version", "print the version and exit", action=_Version, default=argparse.SUPPRESS),
    ),
    "check": _CONFIG,
    "show": _CONFIG,
    "kinds": (_argument("section", "SECTION", _SECTIONS, nargs="?"),),
    "schema": (),
    "completion": (_argument("shell", None, "the shell", choices=SHELLS),),
    "draw": (
        _sources("output directory of a run, or summaries, whose seeds are drawn together"),
        _argument("--figures", "CONFIG", _FIGURES, _path),
        _argument("--to", "DIR", "directory to draw summaries in (default: that of the first)", _path),
    ),
    "report": (
        _OUT,
        _to("report.html"),
        _switch("--watch", "serve the page on this machine, and refresh it while the run trains"),
        _argument("--port", "N", "port of --watch (default: a free one)", _port),
    ),
    "summarize": (_OUT, _to("figures/summary.json")),
    "frame": (_OUT, _to("metrics.parquet")),
    "compare": (
        _sources("output directories of runs, or their summaries; the others are compared with the first"),
        _argument("--metric", "NAME", "what counts as the error (default: what the runs count)"),
        _argument("--figure", "FILE", _FIGURE, _path),
    ),
    "choose": (
        _OUT,
        _argument("axes", "AXIS", "axes of its grid, such as optimizer.learning_rate", nargs="+"),
        _argument("--metric", None, "what should be small (default: error)", default="error"),
    ),
    "rank": (
        _sources("output directories of runs, and summaries"),
        _argument("--at", "AXIS=VALUE", _AT, _axis_value, action="append", default=[]),
        _argument("--against", "NAME", "compare each method with this one"),
        _switch("--points", "print a table for each point, too"),
        _switch("--markdown", "print Markdown"),
        _argument("--metric", None, "what should be small (default: that of the runs)"),
    ),
    "sample": (
        *_POLICY,
        _argument("--prompts", "N", "how many prompts (default: 4)", _positive, default=4),
        _argument("--answers", "N", "answers to each prompt (default: 2)", _positive, default=2),
    ),
    "export": (
        *_POLICY,
        _argument("--to", "DIR", "a new or empty folder", _path, required=True),
        _switch("--adapter", "write only the adapters of policy.lora, for PEFT"),
    ),
}

"""The command line of `tpo-runs`."""

import argparse
import dataclasses
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from .._errors import ConfigError
from .._text import ascii_safe, found
from .hints import complaint

FROM_RESULTS = ("report", "draw", "summarize")  # commands that read the results of a run, and no config
COMMANDS = ("check", "show", "schema", *FROM_RESULTS)
FILES = {"report": "report.html", "summarize": "figures/summary.json"}  # what they write, below OUT
DESCRIPTIONS = {
    "run": "Train the methods of a config file, store the results and draw the figures.",
    "check": "Check a config file and say what it would train. Nothing is trained or written.",
    "show": "Print a config as it takes effect: overrides applied, every default filled in.",
    "draw": "Draw the figures and tables of a run again from its results or summaries. Nothing is trained.",
    "report": "Write one HTML page about a run from its results. Nothing is trained.",
    "summarize": "Write a small JSON file with the numbers and thinned curves of a run. Nothing is trained.",
    "schema": "Print the JSON Schema of config files, with which editors complete and check them.",
}
EXAMPLES = """\
commands:
  tpo-runs CONFIG                          train, store and draw
  tpo-runs check CONFIG                    check the config and say what it would train
  tpo-runs show CONFIG                     print the config as it takes effect, every default filled in
  tpo-runs draw OUT                        draw the figures and tables of the run that is stored in OUT
  tpo-runs draw SUMMARY.json ...           the same from summaries, without their stores
  tpo-runs report OUT                      write one HTML page about the run that is stored in OUT
  tpo-runs summarize OUT                   write its numbers and thinned curves as one small JSON file
  tpo-runs schema                          print the JSON Schema of configs, for editors

examples:
  tpo-runs configs/transformer_rlvr.toml --smoke             a run of seconds, to see that all is well
  tpo-runs configs/transformer_rlvr.toml                     the whole experiment; again to resume it
  tpo-runs configs/transformer_rlvr.toml --schedule.seeds 2  with another number of seeds
  tpo-runs configs/transformer_rlvr.toml --methods TPO,GRPO  with some of the methods

overrides:
  --section.key VALUE              sets a key of [task], [policy], [optimizer] or [schedule]
  --method.NAME.section.key VALUE  sets a key of one method, as in --method.TPO.objective.eta 0.5
  --grid.section.key VALUE         sets an axis of the grid, as in --grid.task.horizon '[7, 8]'

  A VALUE is read as TOML, or as a string where it is not TOML. The command line wins over the
  smoke table, which wins over the file. What a method sets for itself stays: --schedule.epochs
  leaves a method with its own `schedule = { epochs = 1 }` as it is.

exit codes:
    0  complete
    1  some cell failed, the others are complete; or the disk could not be written, and the last
       checkpoint is intact
    2  refused before anything was trained: the command line, the config, the output directory
    3  complete, but some seed diverged: it became NaN or infinite, and was frozen
  129, 130, 143  stopped by SIGHUP, SIGINT or SIGTERM after saving; run the same command to resume
"""


@dataclasses.dataclass(frozen=True)
class Arguments:
    """What a command line asks for.

    Args:
        config: the config file.
        command: "run", or the first word of the command line: "check", "show", "schema", "report",
            "draw" or "summarize".
        smoke: whether to apply the config's smoke table.
        out: the directory of results and figures; None for one named after the config.
        to: the file of the report or the summary; None for one in the directory of results. Of "draw", the
            folder of what is drawn from summaries; None for that of the first one.
        figures: the config that says what "draw" draws; None for that of the run.
        summaries: the files that "draw" reads in place of a directory of results.
        methods: names with commas between them; None for all.
        overwrite: whether to train again what is already there.
        list: whether to show the cells and stop.
        quiet: whether to print warnings and errors only.
        json: whether to print events instead of lines.
        track: trackers, with commas between them; None for those of the config.
        overrides: pairs such as ("schedule.steps", "30").
    """

    config: Path
    command: str = "run"
    smoke: bool = False
    out: Path | None = None
    to: Path | None = None
    figures: Path | None = None
    summaries: tuple[Path, ...] = ()
    methods: str | None = None
    overwrite: bool = False
    list: bool = False
    quiet: bool = False
    json: bool = False
    track: str | None = None
    overrides: tuple[tuple[str, str], ...] = ()


class _Parser(argparse.ArgumentParser):
    """A parser that raises its complaints in one line."""

    def error(self, message: str) -> NoReturn:
        raise ConfigError([f"{self.prog}: {ascii_safe(message)}; see {self.prog} --help"])


class _Version(argparse.Action):
    """Prints the version, which only who asks for it waits for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import version

        sys.stdout.write(f"tpo-runs {version('tpo-runs')}\n")
        parser.exit()


def _path(text: str) -> Path:
    """A path on the command line. An empty one, such as an unset variable, would be the working directory."""
    if not text.strip():
        raise argparse.ArgumentTypeError("expected a path, found ''; is a shell variable not set?")
    return Path(os.path.expanduser(text))


def _parser(command: str) -> _Parser:
    parser = _Parser(
        prog="tpo-runs" if command == "run" else f"tpo-runs {command}",
        description=DESCRIPTIONS[command],
        epilog=EXAMPLES if command == "run" else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    if command == "schema":
        return parser
    if command in FROM_RESULTS:
        if command == "draw":
            _add_drawing(parser)
            return parser
        parser.add_argument("out", type=_path, metavar="OUT", help="the directory of a run's results")
        parser.add_argument(
            "--to", type=_path, metavar="FILE", help=f"the file (default: OUT/{FILES[command]})"
        )
        return parser
    parser.add_argument("config", type=_path, metavar="CONFIG", help="the TOML file of the experiment")
    parser.add_argument("--smoke", action="store_true", help="apply the file's [smoke] table: a short run")
    parser.add_argument("--methods", metavar="NAME,NAME", help="run these methods only")
    if command != "run":
        return parser
    parser.add_argument(
        "--out", type=_path, metavar="DIR", help="where results go (default: results/NAME of the config)"
    )
    parser.add_argument("--overwrite", action="store_true", help="train again what is already there")
    parser.add_argument("--list", action="store_true", help="show the cells and stop")
    parser.add_argument(
        "--track", metavar="NAME,NAME", help="also tell these trackers: tensorboard, trackio, wandb"
    )
    parser.add_argument("--quiet", action="store_true", help="print warnings and errors only")
    parser.add_argument("--json", action="store_true", help="print events for machines, a JSON object a line")
    parser.add_argument(
        "--version", action=_Version, nargs=0, help="print the version and stop", default=argparse.SUPPRESS
    )
    return parser


def _add_drawing(parser: argparse.ArgumentParser) -> None:
    what = "the directory of a run's results, or files that summarize wrote, whose seeds are drawn together"
    parser.add_argument("out", type=_path, nargs="+", metavar="OUT | SUMMARY.json", help=what)
    what = "draw what this config asks for; overrides such as --task.horizon 8 change it"
    parser.add_argument("--figures", type=_path, metavar="CONFIG", help=what)
    what = "of summaries: the folder to draw in (default: that of the first)"
    parser.add_argument("--to", type=_path, metavar="DIR", help=what)


def parse_arguments(argv: Sequence[str] | None = None) -> Arguments:
    """Read the command line, that of the process by default.

    >>> parse_arguments(["a.toml", "--smoke", "--schedule.steps=30"]).overrides
    (('schedule.steps', '30'),)

    Raises:
        ConfigError: with one line, when the command line cannot be used.
        SystemExit: after `--help` or `--version`, with code 0; after the help for an empty line, with 2.
    """
    words = sys.argv[1:] if argv is None else argv
    command, words = (words[0], words[1:]) if words and words[0] in COMMANDS else ("run", words)
    parser = _parser(command)
    if not words and command == "run":
        parser.print_help()
        sys.exit(2)
    plain, overrides = _split(words)
    options, unknown = parser.parse_known_args(plain)
    if unknown:
        place = "out" if command in FROM_RESULTS else "config"
        names = ["help", *(name.replace("_", "-") for name in vars(options) if name != place)]
        names += ["version"] if command == "run" else []
        raise ConfigError([f"{parser.prog}: {complaint(unknown, names, words, COMMANDS)}"])
    chosen = {"config": Path(), **vars(options)}
    if command == "draw":
        chosen |= _sources(parser.prog, chosen)
    if overrides and (command == "schema" or (command in FROM_RESULTS and chosen.get("figures") is None)):
        hint = ", and here is none; --figures names one" if command == "draw" else ", and here is none"
        raise ConfigError([f"{parser.prog}: --{ascii_safe(overrides[0][0])} changes a config{hint}"])
    arguments = Arguments(**chosen, command=command, overrides=overrides)
    if arguments.track is None:
        return arguments
    names = json.dumps([name.strip() for name in arguments.track.split(",") if name.strip()])
    return dataclasses.replace(arguments, overrides=(*overrides, ("tracking.to", names)))


def _sources(prog: str, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """What "draw" reads: one directory of results as `out`, or `summaries`."""
    given: list[Path] = chosen["out"]
    # A run's manifest is named by who means its directory.
    summaries = [path for path in given if path.suffix == ".json" and path.name != "run.json"]
    if len(summaries) == len(given):
        return {"out": None, "summaries": tuple(given)}
    if len(given) > 1:
        other = next(path for path in given if path not in summaries)
        fault = f"unexpected argument {found(str(other))}; expected one directory of results, or summaries"
        fix = (
            "to draw runs together, write the summary of each by tpo-runs summarize OUT, and draw those files"
        )
        raise ConfigError([f"{prog}: {fault}; {fix}"])
    if chosen["to"] is not None:
        raise ConfigError(
            [f"{prog}: --to is for summaries; what is drawn of a run goes to {given[0]}/figures"]
        )
    return {"out": given[0]}


def default_out(config: Path, smoke: bool) -> Path:
    """Where the results of a config go when the command line does not say."""
    name = config.stem.strip(".") or "run"
    return Path("results") / (f"{name}-smoke" if smoke else name)


def _flag(word: str) -> tuple[str, str, str]:
    """Part a flag from its value at a "=", but not at one in the NAME of --method.NAME.section.key."""
    flag, equals, value = word.partition("=")
    while equals and flag.startswith("--method.") and flag.count(".") < 3:
        more, equals, value = value.partition("=")
        flag += f"={more}"
    return flag, equals, value


def _split(words: Sequence[str]) -> tuple[list[str], tuple[tuple[str, str], ...]]:
    """Part the overrides, which have a dot in the flag, from the other words."""
    plain, overrides = [], []
    remaining = iter(words)
    for word in remaining:
        flag, equals, value = _flag(word)
        if not flag.startswith("--") or "." not in flag:
            plain.append(word)
            continue
        value = value if equals else next(remaining, "--")
        if not equals and value.startswith("--"):
            raise ConfigError([f"{ascii_safe(flag)}: expected a value"])
        overrides.append((flag[2:], value))
    return plain, tuple(overrides)

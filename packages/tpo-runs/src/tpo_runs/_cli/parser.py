"""The command line of `tpo-runs`: from its words to a call of a command with typed values."""

import argparse
import functools
import itertools
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from .._errors import ConfigError
from .._signals import StopSignals
from .._text import printable
from . import commands, files
from .arguments import path, port, positive
from .compare import compare
from .completion import SHELLS, completion, flags_of
from .flags import describe_flag
from .hints import describe_no_command, describe_unexpected
from .overrides import split_overrides
from .rank import add_rank_arguments, rank

COMMANDS = (
    *("check", "show", "kinds", "schema", "completion", "draw", "report", "summarize", "frame", "compare"),
    *("choose", "rank", "sample"),
    "export",
)
# Their overrides choose a point of the grid.
OF_POLICIES = ("sample", "export")
EPILOG = """\
commands:
  tpo-runs CONFIG                          train, store and draw
  tpo-runs check CONFIG                    validate the config and count what it would train
  tpo-runs show CONFIG                     print the config with overrides and all defaults applied
  tpo-runs kinds [SECTION]                 list the tasks, objectives, probes, ... of configs
  tpo-runs draw OUT                        draw the figures and tables of the run stored in OUT
  tpo-runs draw SUMMARY.json ...           draw them from summaries, without the stores
  tpo-runs report OUT [--watch]            write one HTML page about the run stored in OUT, or serve it
  tpo-runs summarize OUT                   write its numbers and thinned curves to a small JSON file
  tpo-runs compare OUT OUT ...             compare runs of the same methods, and say how they differ
  tpo-runs frame OUT                       write all its metrics to one Parquet file, for pandas
  tpo-runs choose OUT AXIS ...             print the best values of grid axes for each method
  tpo-runs rank OUT | SUMMARY.json ...     print the order of methods over all points of the grid
  tpo-runs sample OUT                      print answers that a trained policy samples
  tpo-runs export OUT --to DIR             write a trained language model for other libraries
  tpo-runs schema                          print the JSON Schema of configs, for editors
  tpo-runs completion SHELL                print a script that completes command lines in a shell

examples:
  tpo-runs configs/transformer_rlvr.toml --smoke             a run of seconds, to test the setup
  tpo-runs configs/transformer_rlvr.toml                     the whole experiment; run it again to resume
  tpo-runs configs/transformer_rlvr.toml --schedule.seeds 2  with another number of seeds
  tpo-runs configs/transformer_rlvr.toml --methods TPO,GRPO  with some of the methods

overrides:
  --section.key VALUE              sets a key of [task], [policy], [optimizer] or [schedule]
  --method.NAME.section.key VALUE  sets a key of one method, as in --method.TPO.objective.eta 0.5
  --grid.section.key VALUE         sets an axis of the grid, as in --grid.task.horizon '[7, 8]'

  A VALUE that is not valid TOML is a string. The command line wins over the smoke table, which wins
  over the file. A key that a method sets for itself keeps its value: --schedule.epochs does not change
  a method with `schedule = { epochs = 1 }`.

exit codes:
    0  complete
    1  some cells failed, the others are complete; or the disk could not be written, and the last
       checkpoint is intact
    2  refused before training: an error in the command line, the config or the output directory
    3  complete, but some seeds diverged: they became NaN or infinite and were frozen
  129, 130, 143  stopped by SIGHUP, SIGINT or SIGTERM after saving; run the same command to resume
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError([f"{self.prog}: {printable(message)}; see {self.prog} --help"])


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        # Imported here because it is slow.
        from importlib.metadata import version

        print(f"tpo-runs {version('tpo-runs')}")
        parser.exit()


def parse(words: Sequence[str], stop: StopSignals) -> Callable[[], int]:
    """Parse a command line. Without a command, it is `run`, which has no name on the command line.

    Returns:
        The command with its arguments bound; it returns the exit code.

    Raises:
        ConfigError: the command line is wrong; with one line.
        SystemExit: after `--help` or `--version`, with code 0; without any words, after the help, with 2.
    """
    command, rest = (words[0], words[1:]) if words and words[0] in COMMANDS else ("run", words)
    if command == "run" and words and (fault := describe_no_command(words, COMMANDS)):
        raise ConfigError([f"tpo-runs: {fault}"])
    parser, choices = _build(stop)
    subparser = choices[command]
    if command == "run" and not words:
        subparser.print_help()
        sys.exit(2)
    plain, overrides = split_overrides(rest)
    namespace, unknown = parser.parse_known_args([command, *plain])
    values = vars(namespace)
    if unknown:
        fault = _describe_unknown(command, unknown, rest, flags_of(subparser), "overrides" in values)
        raise ConfigError([f"{subparser.prog}: {fault}"])
    if overrides and "overrides" not in values:
        raise ConfigError([f"{subparser.prog}: --{printable(overrides[0][0])}: no config to override"])
    function = values.pop("function")
    return functools.partial(function, **values | ({"overrides": overrides} if overrides else {}))


def _describe_unknown(
    command: str, unknown: Sequence[str], words: Sequence[str], flags: Sequence[str], overrides: bool
) -> str:
    """The message about words that a command does not accept, flags among them first."""
    wrong = next((word for word in unknown if word.startswith("-")), None)
    if wrong is None:
        return describe_unexpected(command, unknown[0], words)
    typed, equals, value = wrong.partition("=")
    after = [*words[words.index(wrong) + 1 :], "--"][0]
    if not equals:
        value = None if after.startswith("--") else after
    config = _config_of(command, words)
    overrides = overrides and command not in OF_POLICIES and (command != "draw" or config is not None)
    return describe_flag(typed, value, flags, overrides=overrides, config=config)


def _config_of(command: str, words: Sequence[str]) -> Path | None:
    """The config that overrides apply to, among words that could not be parsed."""
    if command == "draw":
        words = [word for flag, word in itertools.pairwise(words) if flag == "--figures"]
    return next((Path(word) for word in words if os.path.isfile(word)), None)


def _build(stop: StopSignals) -> tuple[_Parser, dict[str, argparse.ArgumentParser]]:
    parser = _Parser(prog="tpo-runs", allow_abbrev=False)
    subparsers = parser.add_subparsers()

    def add(function: Callable[..., int], **options: Any) -> argparse.ArgumentParser:
        name = function.__name__
        prog = "tpo-runs" if name == "run" else f"tpo-runs {name}"
        options |= {"description": function.__doc__, "allow_abbrev": False}
        style = argparse.RawDescriptionHelpFormatter
        subparser = subparsers.add_parser(name, prog=prog, formatter_class=style, **options)
        subparser.set_defaults(function=function)
        return subparser

    run = add(commands.run, epilog=EPILOG)
    for subparser in (run, add(commands.check), add(commands.show)):
        subparser.set_defaults(overrides=())
        subparser.add_argument("config", type=path, metavar="CONFIG", help="TOML file of the experiment")
        subparser.add_argument("--smoke", action="store_true", help="apply the [smoke] table: a short run")
        subparser.add_argument("--methods", metavar="NAME,NAME", help="run only these methods")
    run.set_defaults(stop=stop)
    _add_run_flags(run)
    help = "task, policy, objective, rollout, optimizer, figure, executor, probes or measures (default: all)"
    add(commands.kinds).add_argument("section", nargs="?", metavar="SECTION", help=help)
    add(commands.schema)
    complete = add(completion)
    complete.add_argument("shell", choices=SHELLS, help="the shell")
    complete.set_defaults(parsers=subparsers.choices)
    _add_draw_arguments(add(commands.draw))
    report, summarize, frame = add(files.report), add(files.summarize), add(files.frame)
    defaults = {report: "report.html", summarize: "figures/summary.json", frame: "metrics.parquet"}
    for subparser, default in defaults.items():
        subparser.add_argument("out", type=path, metavar="OUT", help="output directory of a run")
        help = f"file to write (default: OUT/{default})"
        subparser.add_argument("--to", type=path, metavar="FILE", help=help)
    help = "serve the page on this machine, and refresh it while the run trains"
    report.add_argument("--watch", action="store_true", help=help)
    help = "port of --watch (default: a free one)"
    report.add_argument("--port", type=port, metavar="N", help=help)
    comparing = add(compare)
    help = "output directories of runs, or their summaries; the first is what the others are compared with"
    comparing.add_argument("sources", type=path, nargs="+", metavar="OUT | SUMMARY.json", help=help)
    help = "what counts as the error (default: what the runs count)"
    comparing.add_argument("--metric", metavar="NAME", help=help)
    help = "draw the learning curves of all runs to this file, as PNG and PDF"
    comparing.add_argument("--figure", type=path, metavar="FILE", help=help)
    choose = add(commands.choose)
    choose.add_argument("out", type=path, metavar="OUT", help="output directory of a run")
    help = "axes of its grid, such as optimizer.learning_rate"
    choose.add_argument("axes", nargs="+", metavar="AXIS", help=help)
    choose.add_argument("--metric", default="error", help="what should be small (default: error)")
    add_rank_arguments(add(rank))
    sample, export = add(commands.sample), add(commands.export)
    for subparser in (sample, export):
        _add_choice_of_policy(subparser)
    sample.add_argument("--prompts", type=positive, default=4, metavar="N", help="how many (default: 4)")
    help = "answers to each prompt (default: 2)"
    sample.add_argument("--answers", type=positive, default=2, metavar="N", help=help)
    help = "a new or empty folder"
    export.add_argument("--to", type=path, metavar="DIR", required=True, help=help)
    help = "write only the adapters of policy.lora, for PEFT"
    export.add_argument("--adapter", action="store_true", help=help)
    return parser, dict(subparsers.choices)


def _add_run_flags(run: argparse.ArgumentParser) -> None:
    run.add_argument("--out", type=path, metavar="DIR", help="output directory (default: results/CONFIG)")
    run.add_argument("--overwrite", action="store_true", help="train again what is already stored")
    run.add_argument("--list", dest="list_only", action="store_true", help="list the cells and exit")
    help = "also log to these trackers: tensorboard, trackio, wandb"
    run.add_argument("--track", metavar="NAME,NAME", help=help)
    run.add_argument("--quiet", action="store_true", help="print only warnings and errors")
    run.add_argument("--json", action="store_true", help="print events, one JSON object per line")
    help = "print the version and exit"
    run.add_argument("--version", action=_Version, nargs=0, default=argparse.SUPPRESS, help=help)


def _add_draw_arguments(draw: argparse.ArgumentParser) -> None:
    draw.set_defaults(overrides=())
    help = "output directory of a run, or summaries, whose seeds are drawn together"
    draw.add_argument("sources", type=path, nargs="+", metavar="OUT | SUMMARY.json", help=help)
    help = "draw the figures of this config; overrides such as --task.horizon 8 change it"
    draw.add_argument("--figures", type=path, metavar="CONFIG", help=help)
    help = "directory to draw summaries in (default: that of the first)"
    draw.add_argument("--to", type=path, metavar="DIR", help=help)


def _add_choice_of_policy(subparser: argparse.ArgumentParser) -> None:
    subparser.set_defaults(overrides=())
    subparser.add_argument("out", type=path, metavar="OUT", help="output directory of a run")
    help = "the method; not needed if there is only one"
    subparser.add_argument("--method", metavar="NAME", help=help)
    subparser.add_argument("--seed", type=int, metavar="N", help="the seed (default: the first)")

"""The command line of `tpo-runs`: from its words to a call of a command with typed values."""

import argparse
import functools
import itertools
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from .._errors import ConfigError
from .._signals import StopSignals
from .._text import printable
from . import commands, stored
from .arguments import ARGUMENTS
from .completion import completion, flags_of
from .flags import describe_flag
from .hints import OF_CONFIG, describe_no_command, describe_unexpected
from .overrides import split_overrides

COMMANDS = tuple(command for command in ARGUMENTS if command != "run")
# Their overrides choose a point of the grid.
OF_POLICIES = ("sample", "export")
WITH_OVERRIDES = (*OF_CONFIG, "draw", *OF_POLICIES)
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


def parse(words: Sequence[str], stop: StopSignals) -> Callable[[], int]:
    """Bind the arguments of a command. Without a command, it is `run`, which has no name on the command line.

    Raises:
        ConfigError: the command line is wrong; with one line.
        SystemExit: after `--help` or `--version`, with code 0; without any words, after the help, with 2.
    """
    command, rest = (words[0], words[1:]) if words and words[0] in COMMANDS else ("run", words)
    if command == "run" and words and (fault := describe_no_command(words, COMMANDS)):
        raise ConfigError([f"tpo-runs: {fault}"])
    parser, parsers = _parsers(stop)
    subparser = parsers[command]
    if command == "run" and not words:
        subparser.print_help()
        sys.exit(2)
    plain, overrides = split_overrides(rest)
    namespace, unknown = parser.parse_known_args([command, *plain])
    values = vars(namespace)
    if unknown:
        fault = _describe_unknown(command, unknown, rest, flags_of(subparser))
        raise ConfigError([f"{subparser.prog}: {fault}"])
    if overrides and command not in WITH_OVERRIDES:
        raise ConfigError([f"{subparser.prog}: --{printable(overrides[0][0])}: no config to override"])
    function = values.pop("function")
    return functools.partial(function, **values | ({"overrides": overrides} if overrides else {}))


def _describe_unknown(
    command: str, unknown: Sequence[str], words: Sequence[str], flags: Sequence[str]
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
    overrides = command in OF_CONFIG or (command == "draw" and config is not None)
    return describe_flag(typed, value, flags, overrides=overrides, config=config)


def _config_of(command: str, words: Sequence[str]) -> Path | None:
    """The config that overrides apply to, among words that could not be parsed."""
    if command == "draw":
        words = [word for flag, word in itertools.pairwise(words) if flag == "--figures"]
    return next((Path(word) for word in words if os.path.isfile(word)), None)


def _parsers(stop: StopSignals) -> tuple[_Parser, Mapping[str, argparse.ArgumentParser]]:
    """The parser of the program, and those of its commands."""
    parser = _Parser(prog="tpo-runs", allow_abbrev=False)
    subparsers = parser.add_subparsers()
    for command, arguments in ARGUMENTS.items():
        function = _function(command)
        subparser = subparsers.add_parser(
            command,
            prog="tpo-runs" if command == "run" else f"tpo-runs {command}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            description=function.__doc__,
            epilog=EPILOG if command == "run" else None,
            allow_abbrev=False,
        )
        subparser.set_defaults(function=function)
        if command in WITH_OVERRIDES:
            subparser.set_defaults(overrides=())
        for add in arguments:
            add(subparser)
    subparsers.choices["run"].set_defaults(stop=stop)
    subparsers.choices["completion"].set_defaults(parsers=subparsers.choices)
    return parser, subparsers.choices


def _function(command: str) -> Callable[..., int]:
    if command == "completion":
        return completion
    return getattr(commands if hasattr(commands, command) else stored, command)

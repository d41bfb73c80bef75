"""The program `tpo-envs`: list and describe the suite, and score answers in a file."""

import argparse
import contextlib
import io
import json
import math
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from ._image_dataset import DatasetError
from ._intervals import Interval
from ._reference import reference_scores
from ._scoring import MEASURES, evaluation_inputs, score
from ._suite import describe, list_tasks, make_numpy
from ._suite_table import TAGS
from ._text import TextTask, text_tasks

ANSWERS = '{"seed": 0, "answers": {"ID": [[0, 1], ...]}}'
KEYS = ("tasks", "answers")
FAULTS = (ValueError, TypeError, OSError, OverflowError, MemoryError, RecursionError, DatasetError)
EXAMPLES = f"""\
examples:
  tpo-envs list --tag sparse
  tpo-envs describe token-reversal-terminal-h10-v2
  tpo-envs questions token-sort-terminal-h4-v4 -n 100 > questions.json
  tpo-envs score answers.json

A file of answers is {ANSWERS},
with one answer to each question of that seed. `tpo-envs questions` and
`tpo_envs.evaluation_inputs` give the questions. `score` also reads files of `run_suite`.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program with the given arguments, by default those of the process.

    Returns:
        The exit code: 0, or 2 after a one-line message when the task does not exist, the file cannot be used
        or the output cannot be written.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    arguments = _parser().parse_args(argv)
    try:
        return _print("\n".join(arguments.run(arguments)))
    except FAULTS as error:
        return _fail(str(error) or type(error).__name__)
    except KeyboardInterrupt:
        return 130


def _print(text: str) -> int:
    if sys.stdout is None:
        return _fail("standard output is closed")
    code = 0
    try:
        print(text, flush=True)
    except OSError as error:
        # A reader that stops early, such as `head`, is not an error.
        code = 0 if isinstance(error, BrokenPipeError) else _fail(f"cannot print: {error}")
        # Python flushes again at exit, which would fail again.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


def _fail(message: str) -> int:
    if sys.stderr is not None:
        with contextlib.suppress(OSError):
            print(f"tpo-envs: {' '.join(message.split())}", file=sys.stderr, flush=True)
    return 2


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        # Imported here because it is slow.
        from importlib.metadata import version

        print(f"tpo-envs {version('tpo-envs')}")
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tpo-envs",
        description="Benchmark tasks that score sampled answers.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    help = "print the version and exit"
    parser.add_argument("--version", action=_Version, nargs=0, default=argparse.SUPPRESS, help=help)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("list", help="the tasks of the suite")
    command.add_argument(
        "--tag", action="append", default=[], help=f"one of {', '.join(TAGS)}; may be repeated"
    )
    command.add_argument("--family", help="tasks of one kind")
    command.add_argument("--max-difficulty", type=int, default=5, help="1 to 5")
    command.set_defaults(run=_list)
    command = commands.add_parser("describe", help="settings, tags and scores of a task")
    command.add_argument("id", metavar="ID")
    command.set_defaults(run=_describe)
    command = commands.add_parser("questions", help="the questions that answers are scored on, as JSON")
    command.add_argument("id", metavar="ID")
    command.add_argument("-n", type=int, default=1000, help="how many (1000)")
    command.add_argument("--seed", type=int, default=0, help="which (0)")
    command.set_defaults(run=_questions)
    command = commands.add_parser("score", help="scores of the answers in a JSON file")
    command.add_argument("file", metavar="FILE", type=Path)
    command.set_defaults(run=_score)
    return parser


def _list(arguments: Any) -> list[str]:
    ids = list_tasks(arguments.tag, family=arguments.family, max_difficulty=arguments.max_difficulty)
    rows = [
        ("id", "difficulty", "tags"),
        *((i, describe(i).difficulty, " ".join(describe(i).tags)) for i in ids),
    ]
    return [f"{name:<42}{difficulty!s:<12}{tags}".rstrip() for name, difficulty, tags in rows]


def _describe(arguments: Any) -> list[str]:
    row = describe(arguments.id)
    lines = [row.id, f"family          {row.family}", f"difficulty      {row.difficulty} of 5"]
    lines += [f"{name:<16}{value}" for name, value in row.settings.items()]
    if row.family == "images":
        lines += ["random score    0.1", "optimal score   1"]
    else:
        task = make_numpy(row.id)
        lines += [f"random score    {task.random_score:.6g}", f"optimal score   {task.optimal_score:.6g}"]
    lines += [f"tag {tag}: {TAGS[tag]}" for tag in row.tags]
    for method, record in reference_scores(row.id).items():
        values = ", ".join(f"{value:.3f}" for value in record["normalized"])
        lines.append(f"reference {method}: normalized {values} after {record['answers_scored']:,} answers")
    if row.id in text_tasks():
        words = TextTask(row.id)
        lines += ["", "in words:", words.prompt(words.questions(1, 0)[0].tolist())]
    return lines


def _questions(arguments: Any) -> list[str]:
    inputs = evaluation_inputs(arguments.id, n=arguments.n, seed=arguments.seed)
    return [json.dumps({"seed": arguments.seed, "questions": {arguments.id: inputs.tolist()}})]


def _score(arguments: Any) -> list[str]:
    try:
        # Bytes, because JSON may also be UTF-16 or begin with a byte-order mark, as on Windows.
        content = json.loads(arguments.file.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{arguments.file} is not JSON: {error}") from None
    if not isinstance(content, dict) or not any(isinstance(content.get(key), dict) for key in KEYS):
        raise ValueError(f"{arguments.file} must contain answers as {ANSWERS}, or results of run_suite")
    scored = _stored if isinstance(content.get("tasks"), dict) else _scored
    header = f"{'id':<42}" + "".join(f"{measure.replace('_', ' '):<24}" for measure in MEASURES)
    try:
        return [header.rstrip(), *(line.rstrip() for line in scored(content))]
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise ValueError(f"{arguments.file}: {error}") from None


def _scored(content: dict[str, Any]) -> list[str]:
    lines = []
    for task_id, answers in content["answers"].items():
        describe(task_id)
        if not isinstance(answers, list):
            raise TypeError(f"{task_id}: answers must be a list with one answer to each question")
        result = score(task_id, answers, n=max(1, len(answers)), seed=content.get("seed", 0))
        lines.append(f"{task_id:<42}" + "".join(f"{getattr(result, m)!s:<24}" for m in MEASURES))
    return lines


def _stored(content: dict[str, Any]) -> list[str]:
    lines = []
    for task_id, entry in content["tasks"].items():
        describe(task_id)
        intervals = [_interval(task_id, measure, entry) for measure in MEASURES]
        lines.append(f"{task_id:<42}" + "".join(f"{interval!s:<24}" for interval in intervals))
    return lines


def _interval(task_id: str, measure: str, entry: Any) -> Interval:
    stored = entry.get(measure) if isinstance(entry, dict) else None
    numbers: list[Any] = (
        [stored.get(name) for name in ("mean", "low", "high")] if isinstance(stored, dict) else []
    )
    if not numbers or not all(type(x) in (int, float) and math.isfinite(x) for x in numbers):
        raise ValueError(
            f"{task_id}: {measure} must have the numbers mean, low and high, as run_suite writes them"
        )
    return Interval(*map(float, numbers))


if __name__ == "__main__":
    sys.exit(main())

"""The procedural data sets of the reasoning-gym library."""

import hashlib
import itertools
import re
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from ._image_dataset import one_line
from ._names import check_name, did_you_mean
from ._numpy_checks import check_count
from ._problems import AbstractProblems, Problem, is_held_out
from ._scorer_process import ScorerProcess

_INSTALL = "pip install 'tpo-envs[reasoning-gym]'"
# Where a prompt asks for the answer.
_STYLES = {
    "answer": "{question}\n\nWrite the answer alone after 'Answer:'.",
    "tags": "{question}\n\nWrite the answer alone between <answer> and </answer>.",
    "question": "{question}",
    "line": "{question}\nAnswer:",
}
# Questions generated at once, because some data sets generate all of them when they are created.
_CHUNK = 64
# The search ends after this many consecutive questions that are not new.
_PATIENCE = 2000
# Added to the seed of the questions to get the seed of the solved problems.
_SHOTS = 2**32


class ReasoningGymProblems(AbstractProblems):
    """The problems of a data set of `reasoning-gym`, with its scorer.

    One in five questions is held out, by the hash of its text. The installed version of the library generates
    the questions, so they may differ between versions. Its scorers may pay less than 1 for a partly right
    answer, and some pay a little, such as 0.01, for any answer that they can parse.

    A scorer runs in a child process, which is killed after `time_limit` seconds. If it raises an error or
    takes too long, the answer scores 0 and is counted. Some scorers evaluate answers as Python; in the child
    process, they evaluate only literals and formulas.

    Args:
        name: the name of the data set, such as `"leg_counting"`.
        style: where the scorer looks for the answer. `"answer"`: after the last "Answer:", or everywhere if
            there is none. `"tags"`: after the last `<answer>`, up to `</answer>`; without tags, a completion
            scores 0. `"question"`: the prompt is only the question, and the whole completion is the answer.
            `"line"`: the prompt ends with "Answer:", and the first line is the answer.
        shots: solved training problems before each question, which differ from the one asked. They require
            the style `"line"` and help models that were not trained to follow instructions.
        time_limit: seconds for scoring a completion.
        max_tokens: the number of tokens that a completion may need.
        config: settings of the data set under its own names, except `seed` and `size`.

    Raises:
        ImportError: if `reasoning-gym` is not installed.
        ValueError: if the name or style is unknown, or the data set rejects its settings. Its scorer raises a
            `RuntimeError` if its process cannot be started.

    Example:
        >>> from tpo_envs import ReasoningGymProblems
        >>> task = ReasoningGymProblems("leg_counting", max_animals=3)
        >>> problem = task.problems("train", 1, seed=0)[0]
        >>> task.score(problem, f"Let me count. Answer: {problem.answer}"), task.score(problem, "Answer: no")
        (1.0, 0.0)
        >>> task.close()
    """

    def __init__(
        self,
        name: str,
        *,
        style: str = "answer",
        shots: int = 0,
        time_limit: float | int = 2.0,
        max_tokens: int = 512,
        **config: Any,
    ):
        if name not in (known := reasoning_gym_names()):
            raise ValueError(
                f"reasoning-gym has no data set {name!r}{did_you_mean(name, known, n=3)}; it has {len(known)}"
            )
        check_name("style", style, _STYLES)
        check_count("max_tokens", max_tokens, 1)
        check_count("shots", shots, 0)
        if shots and style != "line":
            raise ValueError(f"shots is {shots}, which needs style = 'line', but style is {style!r}")
        if not time_limit > 0:
            raise ValueError(f"time_limit is {time_limit}, but it must be more than 0 seconds")
        for setting in {"seed", "size"} & config.keys():
            raise ValueError(f"leave out {setting!r}: problems(split, count, seed) sets it")
        self.id = f"reasoning-gym/{name}"
        self.name, self.style, self.shots, self.config = name, style, shots, config
        self.stop = {"tags": "</answer>", "line": "\n"}.get(style, "")
        self.max_tokens = max_tokens
        self._dataset(0)
        self._scorer = ScorerProcess(name, config, time_limit)

    def __repr__(self) -> str:
        shown = ({"shots": self.shots} if self.shots else {}) | self.config
        settings = "".join(f", {key}={value!r}" for key, value in shown.items())
        return f"ReasoningGymProblems({self.name!r}, style={self.style!r}{settings})"

    @property
    def scorer_errors(self) -> int:
        """Completions for which the scorer raised an error, exited or returned no number."""
        return self._scorer.errors

    @property
    def scorer_timeouts(self) -> int:
        """The number of completions that took longer than the time limit."""
        return self._scorer.timeouts

    def draw(self, split: str, seed: int) -> Iterator[Problem]:
        """Problems of a split, without repetition, until no new ones are found."""
        seen: set[str] = set()
        misses = 0
        others = self._entries(seed + _SHOTS)
        for entry in self._entries(seed):
            question = entry["question"]
            misses += 1
            if question not in seen and is_held_out(question) == (split == "held_out"):
                seen.add(question)
                misses = 0
                prompt = self._solved(others, question) + _STYLES[self.style].format(question=question)
                yield Problem(prompt, entry["answer"], entry)
            if misses == _PATIENCE:
                return

    def score(self, problem: Problem, completion: str) -> float:
        """The data set's score of the answer in a completion; 0 if there is none."""
        answer = self.read_answer(completion)
        return self._scorer.score(answer, problem.entry) if answer else 0.0

    def read_answer(self, completion: str) -> str:
        """The answer in a completion, without spaces around it; empty if there is none."""
        said = self.completed(completion)
        if self.style == "tags":
            return said.rpartition("<answer>")[2].strip() if "<answer>" in said else ""
        if self.style == "answer":
            said = re.split(r"answer\s*+:", said, flags=re.IGNORECASE)[-1]
        return said.strip()

    def close(self) -> None:
        """End the child process, which otherwise ends with this object. The next score restarts it."""
        self._scorer.close()

    def _solved(self, entries: Iterator[Mapping[str, Any]], asked: str) -> str:
        """Solved problems, one after the other, all different training problems."""
        lines: dict[str, None] = {}
        for entry in itertools.islice(entries, _PATIENCE) if self.shots else ():
            question, answer = entry["question"], entry["answer"]
            if answer is not None and question != asked and not is_held_out(question):
                lines[f"{_STYLES[self.style].format(question=question)} {answer}\n\n"] = None
            if len(lines) == self.shots:
                return "".join(lines)
        if self.shots:
            raise ValueError(
                f"{self.id} has too few problems with an answer for {self.shots} solved ones; lower shots"
            )
        return ""

    def _entries(self, seed: int) -> Iterator[Mapping[str, Any]]:
        for chunk in itertools.count():
            # Data sets of neighboring seeds share questions, so seeds are far from each other.
            digest = hashlib.sha256(f"{seed} {chunk}".encode()).digest()
            dataset = self._dataset(int.from_bytes(digest[:4], "big") >> 1)
            for index in range(_CHUNK):
                yield dataset[index]

    def _dataset(self, seed: int) -> Any:
        try:
            return _library().create_dataset(self.name, seed=seed, size=_CHUNK, **self.config)
        # Data sets check their settings with assertions and many kinds of errors.
        except Exception as error:
            raise ValueError(f"{self.id} rejects the settings {self.config}: {one_line(error)}") from error


def reasoning_gym_names() -> list[str]:
    """The names of the data sets of the installed `reasoning-gym`.

    Raises:
        ImportError: if it is not installed.
    """
    return sorted(_library().factory.DATASETS)


def _library() -> Any:
    # Libraries that it imports warn about old comparisons and string escapes when they are first compiled.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        try:
            import reasoning_gym.factory  # pyright: ignore[reportMissingImports]
        except ImportError as error:
            raise ImportError(
                f"problems of reasoning-gym need the reasoning-gym library ({error}): {_INSTALL}"
            ) from error
    return reasoning_gym

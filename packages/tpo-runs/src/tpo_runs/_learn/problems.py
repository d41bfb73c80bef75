"""Text problems as a token task, scored on the host."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, Scalar

FILL = -1
"""What fills prompts on the left."""
Scorer: TypeAlias = Callable[[Any, str], float]
"""From a problem and a completion to a score in [0, 1]."""


@runtime_checkable
class TextTokenizer(Protocol):
    """Turns texts into tokens and back, for example `tpo_models.Tokenizer`."""

    def encode(self, text: str) -> list[int]:
        """The tokens of a text."""
        ...

    def decode(self, ids: Any, /) -> str:
        """The text of tokens."""
        ...


class TextTask(eqx.Module):
    """Text problems as an `AnswerTask`: prompts and answers are tokens, and the host computes the scores.

    The compiled step calls the scorer on the host, with the text before the end token of an answer. Identical
    answers to a problem are scored once per batch.

    **Arguments:**

    - `problems`: the problems; each has a `prompt`.
    - `score`: their scorer.
    - `tokenizer`: turns prompts into tokens, and answers into text.
    - `horizon`: the maximum number of tokens in an answer, including the end token.
    - `end`: the token that ends an answer.

    **Raises:** `ValueError` if there are no problems, or a prompt has no tokens.
    """

    table: Int[Array, "n p"]
    horizon: int = eqx.field(static=True)
    end: int = eqx.field(static=True)
    host: "HostScorer" = eqx.field(static=True)

    def __init__(
        self, problems: Sequence[Any], score: Scorer, tokenizer: TextTokenizer, *, horizon: int, end: int
    ):
        table = tokens_of([problem.prompt for problem in problems], tokenizer)
        self.table = jnp.asarray(table)
        self.horizon = horizon
        self.end = end
        self.host = HostScorer(problems, table, score, tokenizer, end)

    @property
    def prompt_length(self) -> int:
        """Tokens in a prompt, including padding."""
        return self.table.shape[1]

    def prompts(self, key: PRNGKeyArray, batch: int) -> Int[Array, "b p"]:
        """Draw prompts, without repetition while there are enough."""
        order = jax.random.permutation(key, len(self.table))
        return self.table[jnp.resize(order, (batch,))]

    def mask(self, answers: Int[Array, "*b h"]) -> Bool[Array, "*b h"]:
        """Which tokens exist: all tokens up to and including the first end token."""
        ends = answers == self.end
        return jnp.cumsum(ends, axis=-1) - ends == 0

    def score(self, prompts: Int[Array, "*#b p"], answers: Int[Array, "*#b h"]) -> Float[Array, "*b"]:
        """The scores of the answers."""
        batch = jnp.broadcast_shapes(prompts.shape[:-1], answers.shape[:-1])
        result = jax.ShapeDtypeStruct(batch, jnp.float32)
        prompts = jnp.broadcast_to(prompts, (*batch, prompts.shape[-1]))
        answers = jnp.broadcast_to(answers, (*batch, answers.shape[-1]))
        return jax.pure_callback(self.host, result, prompts, answers, vmap_method="broadcast_all")


def scored_on_host(rollout: Any) -> bool:
    """Whether a rollout's task is scored on the host."""
    return isinstance(getattr(rollout, "task", None), TextTask)


class HostScorer:
    """Scores answers to known prompts on the host for a `TextTask`; prompts and answers are tokens."""

    def __init__(
        self,
        problems: Sequence[Any],
        table: Int[np.ndarray, "n p"],
        score: Scorer,
        tokenizer: TextTokenizer,
        end: int,
    ):
        self._problems = {_bytes(row): problem for row, problem in zip(table, problems, strict=True)}
        self._score, self._tokenizer, self._end = score, tokenizer, end

    def __call__(
        self, prompts: Int[Array | np.ndarray, "*b p"], answers: Int[Array | np.ndarray, "*b h"]
    ) -> Float[np.ndarray, "*b"]:
        """The scores of the answers."""
        prompts, answers = np.asarray(prompts), np.asarray(answers)
        pairs = zip(
            prompts.reshape(-1, prompts.shape[-1]), answers.reshape(-1, answers.shape[-1]), strict=True
        )
        seen: dict[tuple[bytes, str], float] = {}
        scores = []
        for prompt, answer in pairs:
            key = _bytes(prompt), self.text(answer)
            if key not in seen:
                seen[key] = float(self._score(self.problem(prompt), key[1]))
            scores.append(seen[key])
        return np.asarray(scores, np.float32).reshape(answers.shape[:-1])

    def problem(self, prompt: Int[np.ndarray, " p"]) -> Any:
        """The problem that a prompt belongs to."""
        return self._problems[_bytes(prompt)]

    def text(self, answer: Int[np.ndarray, " h"]) -> str:
        """The text of an answer before its end token."""
        ends = np.flatnonzero(answer == self._end)
        return self._tokenizer.decode(answer[: ends[0]] if len(ends) else answer)


def _bytes(prompt: Int[np.ndarray, " p"]) -> bytes:
    return np.ascontiguousarray(prompt, np.int32).tobytes()


def tokens_of(texts: Sequence[str], tokenizer: TextTokenizer) -> Int[np.ndarray, "n p"]:
    """Texts as tokens, padded on the left with -1 to the length of the longest."""
    if not texts:
        raise ValueError("there are no problems; draw at least one")
    rows = [tokenizer.encode(text) for text in texts]
    if short := [text for text, row in zip(texts, rows, strict=True) if not row]:
        raise ValueError(f"the prompt {short[0]!r} has no tokens; give each problem a prompt")
    table = np.full((len(rows), max(map(len, rows))), FILL, np.int32)
    for i, row in enumerate(rows):
        table[i, -len(row) :] = row
    return table


class HeldOut(eqx.Module):
    """The error on held-out problems: of the greedy answers, and of sampled ones.

    The columns are `held_out_error`, one minus the mean score of the greedy answers, and, with `candidates`
    above 0, `held_out_pass_at_1` and `held_out_pass_at_k`: the mean score of sampled answers, and the share
    of problems that at least one of them solves.

    **Arguments:**

    - `task`: the held-out problems, all of which are answered.
    - `candidates`: the number `k` of sampled answers to each problem.
    - `batch`: the number of problems answered at once.
    """

    task: TextTask
    candidates: int = eqx.field(static=True, default=0)
    batch: int = eqx.field(static=True, default=32)

    def __call__(self, policy: Any, key: PRNGKeyArray) -> dict[str, Scalar]:
        """The columns, in [0, 1]."""
        greedy_key, sampled_key = jax.random.split(key)
        columns = {"held_out_error": 1 - jnp.mean(self._scores(policy, greedy_key, 1, 0))}
        if self.candidates:
            scores = self._scores(policy, sampled_key, self.candidates, None)
            columns["held_out_pass_at_1"] = jnp.mean(scores)
            columns[f"held_out_pass_at_{self.candidates}"] = jnp.mean(jnp.max(scores, axis=-1) == 1)
        return columns

    def _scores(
        self, policy: Any, key: PRNGKeyArray, candidates: int, temperature: int | None
    ) -> Float[Array, "n k"]:
        count = len(self.task.table)
        size = min(self.batch, count)
        blocks = -(-count // size)
        # The last block is padded with the first problems, whose scores count only once.
        rows = jnp.resize(self.task.table, (blocks * size, self.task.prompt_length))

        def answer(block):
            prompts, key = block
            answers, _ = policy.sample(
                key,
                prompts,
                candidates,
                horizon=self.task.horizon,
                end=self.task.end,
                temperature=temperature,
            )
            return self.task.score(prompts[:, None], answers)

        keys = jax.random.split(key, blocks)
        scores = jax.lax.map(answer, (rows.reshape(blocks, size, -1), keys))
        return scores.reshape(-1, candidates)[:count]

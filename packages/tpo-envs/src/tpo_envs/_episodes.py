"""Tasks as batches of episodes: observations, actions and rewards, step by step."""

from typing import Any, NamedTuple

import numpy as np

from ._arrays import is_integer
from ._multi_turn import MultiTurnTask
from ._numpy_answers import NumpyAnswerTask
from ._numpy_bandit import NumpyBandit
from ._numpy_checks import check_range
from ._numpy_tokens import NumpyTokenTask


class Step(NamedTuple):
    """The result of a step of `n` episodes.

    Attributes:
        rewards: `[n]`; the rewards of an episode sum to its score.
        ended: which episodes this step ended `[n]`.
        scores: the scores `[n]` of these episodes, 0 for others.
        exact: whether each of their answers is entirely right `[n]`, False for others.
    """

    rewards: Any
    ended: Any
    scores: Any
    exact: Any


class TokenEpisodes:
    """`n` episodes of a task of tokens: one token per step, up to the end token or for `horizon` steps.

    An observation is the prompt followed by the answer so far, `[n, prompt_length + horizon]`, padded with
    `vocab_size`. In a conversation, each message appears when its turn comes. Dense rewards are paid at every
    step, and other rewards with the last token.
    """

    def __init__(self, task: NumpyAnswerTask, n: int):
        self.task, self.n = task, n
        self.dense = isinstance(task, NumpyTokenTask) and task.task.rule.dense
        self.prompts = np.zeros((n, task.prompt_length), np.int32)
        self.answers = np.zeros((n, task.horizon), np.int32)
        self.t = np.zeros(n, int)
        self.over = np.ones(n, bool)

    def begin(self, rng: np.random.Generator, which: Any) -> None:
        """Begin new episodes where `which` `[n]` is True."""
        self.prompts, self.answers = self.prompts.copy(), self.answers.copy()
        self.prompts[which] = self.task.task.numpy_prompts(rng, int(which.sum()))
        self.answers[which] = 0
        self.t = np.where(which, 0, self.t)
        self.over = self.over & ~which

    def observations(self) -> Any:
        """The current observations."""
        blank = self.task.vocab_size
        shown = np.full(self.n, self.task.prompt_length)
        if isinstance(self.task.task, MultiTurnTask):
            length = self.task.task.message_length
            shown = (self.t // length + 1) * length
        prompts, answers = (
            np.where(np.arange(tokens.shape[-1]) < count[:, None], tokens, blank)
            for tokens, count in ((self.prompts, shown), (self.answers, self.t))
        )
        return np.concatenate([prompts, answers], axis=-1).astype(np.int64)

    def step(self, actions: Any) -> Step:
        """Write one token in each episode that is not over."""
        writes = ~self.over
        check_over(self.over)
        actions = checked_actions(actions, writes, self.task.vocab_size)
        rows, t = np.flatnonzero(writes), self.t[writes]
        self.answers[rows, t] = actions[writes]
        self.t = self.t + writes
        ended = writes & ((self.t == self.task.horizon) | (actions == self.task.end))
        self.over = self.over | ended
        rewards, scores, exact = np.zeros(self.n), np.zeros(self.n), np.zeros(self.n, bool)
        if self.dense and isinstance(self.task, NumpyTokenTask):
            paid = self.task.task.token_rewards(self.prompts[rows], self.answers[rows])
            rewards[rows] = paid[np.arange(len(rows)), t] / self.task.horizon
        if ended.any():
            finished = self.prompts[ended], self.answers[ended]
            scores[ended] = self.task.task.score(*finished)
            exact[ended] = self.task.task.exact_match(*finished)
        return Step(rewards if self.dense else scores.copy(), ended, scores, exact)


class BanditEpisodes:
    """`n` episodes of a bandit: see a context and act once."""

    def __init__(self, task: NumpyBandit, n: int):
        self.task, self.n = task, n
        self.contexts = task.contexts(np.zeros(n, int))
        self.over = np.ones(n, bool)

    def begin(self, rng: np.random.Generator, which: Any) -> None:
        """Draw new contexts; all episodes begin together, because each has one step."""
        del which
        self.contexts = self.task.contexts(rng.integers(0, len(self.task.labels), self.n))
        self.over = np.zeros(self.n, bool)

    def observations(self) -> Any:
        """The observations of the current contexts."""
        seen = self.contexts.inputs
        return seen.astype(np.int64) if seen.ndim == 1 else seen.copy()

    def step(self, actions: Any) -> Step:
        """Act in each episode."""
        check_over(self.over)
        actions = checked_actions(actions, ~self.over, self.task.num_actions)
        self.over = np.ones(self.n, bool)
        scores, exact = (judge(self.contexts, actions) for judge in (self.task.score, self.task.exact_match))
        return Step(scores.copy(), self.over, scores, exact)


def check_over(over: Any) -> None:
    """Raise `ValueError` if all episodes are over."""
    if over.all():
        raise ValueError("the episode is over or has not begun; call reset first")


def checked_actions(actions: Any, counts: Any, count: int) -> Any:
    """Check actions and return them as an array `[n]`; those where `counts` `[n]` is False become 0.

    Raises:
        TypeError: if actions are not integers.
        ValueError: if there are not `n` of them, or an action that counts is out of range.
    """
    array, n = np.asarray(actions), len(counts)
    if not is_integer(array.dtype):
        raise TypeError(f"an action must be an integer from 0 to {count - 1}; got dtype {array.dtype}")
    if array.shape not in ((n,), () if n == 1 else (n,)):
        raise ValueError(f"there must be one action for each of {n} episodes; got shape {array.shape}")
    array = np.where(counts, array.reshape(n), 0)
    check_range("actions", array, count)
    return array

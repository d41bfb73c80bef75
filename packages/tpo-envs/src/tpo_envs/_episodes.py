"""Tasks as batches of episodes: observations, actions and rewards, step by step."""

from typing import Any, NamedTuple

import numpy as np

from ._arrays import is_integer
from ._multi_turn import MultiTurnTask
from ._numpy_bandit import NumpyBandit
from ._numpy_checks import check_range
from ._numpy_tokens import NumpyTokenTask


class Step(NamedTuple):
    """The result of a step of `n` episodes.

    Attributes:
        observations: `[n, ...]`.
        rewards: `[n]`; the rewards of an episode sum to its score.
        over: whether the episodes are over; all have the same length.
        scores: the scores `[n]` if the episodes are over, else None.
        exact: whether each answer was entirely right `[n]` if the episodes are over, else None.
    """

    observations: Any
    rewards: Any
    over: bool
    scores: Any = None
    exact: Any = None


class TokenEpisodes:
    """`n` episodes of a token task: one token a step, `horizon` steps.

    An observation is the prompt followed by the answer so far, `[n, 2 horizon]`, padded with `vocab_size`. In
    a conversation, each message appears at its turn. Dense rewards are paid at every step, other rewards with
    the last token.
    """

    def __init__(self, task: NumpyTokenTask, n: int):
        self.task, self.n = task, n
        self.dense = task.task.rule.dense
        self.prompts = self.answers = np.zeros((n, task.horizon), np.int32)
        self.t = task.horizon

    def reset(self, rng: np.random.Generator) -> Any:
        """Begin new episodes and return the first observations."""
        self.prompts = self.task.task.numpy_prompts(rng, self.n)
        self.answers = np.zeros_like(self.prompts)
        self.t = 0
        return self.observations()

    def observations(self) -> Any:
        """The current observations."""
        horizon, blank = self.task.horizon, self.task.vocab_size
        seen = np.full((self.n, 2 * horizon), blank, np.int64)
        shown = horizon
        if isinstance(self.task.task, MultiTurnTask):
            length = self.task.task.message_length
            shown = min(horizon, (self.t // length + 1) * length)
        seen[:, :shown] = self.prompts[:, :shown]
        seen[:, horizon : horizon + self.t] = self.answers[:, : self.t]
        return seen

    def step(self, actions: Any) -> Step:
        """Write one token in each episode."""
        t, horizon = self.t, self.task.horizon
        check_over(t >= horizon)
        self.answers[:, t] = checked_actions(actions, self.n, self.task.vocab_size)
        self.t = t + 1
        rewards = np.zeros(self.n)
        if self.dense:
            rewards = self.task.task.token_rewards(self.prompts, self.answers)[:, t] / horizon
        if self.t < horizon:
            return Step(self.observations(), rewards, False)
        scores = self.task.task.score(self.prompts, self.answers)
        exact = self.task.task.exact_match(self.prompts, self.answers)
        return Step(self.observations(), rewards if self.dense else scores.copy(), True, scores, exact)


class BanditEpisodes:
    """`n` episodes of a bandit: see a context and act once."""

    def __init__(self, task: NumpyBandit, n: int):
        self.task, self.n = task, n
        self.contexts = task.contexts(np.zeros(n, int))
        self.over = True

    def reset(self, rng: np.random.Generator) -> Any:
        """Draw new contexts and return the observations."""
        self.contexts = self.task.contexts(rng.integers(0, len(self.task.labels), self.n))
        self.over = False
        return self.observations()

    def observations(self) -> Any:
        """The observations of the current contexts."""
        seen = self.contexts.inputs
        return seen.astype(np.int64) if seen.ndim == 1 else seen.copy()

    def step(self, actions: Any) -> Step:
        """Act in each episode."""
        check_over(self.over)
        actions = checked_actions(actions, self.n, self.task.num_actions)
        self.over = True
        scores, exact = (judge(self.contexts, actions) for judge in (self.task.score, self.task.exact_match))
        return Step(self.observations(), scores.copy(), True, scores, exact)


def check_over(over: bool) -> None:
    """Raise `ValueError` if the episodes are over."""
    if over:
        raise ValueError("the episode is over or has not begun; call reset first")


def checked_actions(actions: Any, n: int, count: int) -> Any:
    """Check actions and return them as an array `[n]`.

    Raises:
        TypeError: if actions are not integers.
        ValueError: if there are not `n` of them, or one is out of range.
    """
    array = np.asarray(actions)
    if not is_integer(array.dtype):
        raise TypeError(f"an action must be an integer from 0 to {count - 1}; got dtype {array.dtype}")
    if array.shape not in ((n,), () if n == 1 else (n,)):
        raise ValueError(f"there must be one action for each of {n} episodes; got shape {array.shape}")
    check_range("actions", array, count)
    return array.reshape(n)

"""The suite for Gymnasium: importing this module registers every task as `tpo_envs/ID`.

`import tpo_envs` also registers them if Gymnasium has been imported before.

Example:
    >>> import gymnasium
    >>> import tpo_envs.gymnasium
    >>> env = gymnasium.make("tpo_envs/token-reversal-terminal-h3-v2")
    >>> observation, _ = env.reset(seed=0)
    >>> observation.tolist()  # three tokens of the prompt, and no answer yet
    [1, 1, 1, 2, 2, 2]
    >>> for token in (1, 1, 1):
    ...     observation, reward, terminated, truncated, info = env.step(token)
    >>> reward, terminated, info["exact_match"]
    (1.0, True, True)
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

try:
    import gymnasium
    from gymnasium.vector import AutoresetMode, VectorEnv
    from gymnasium.vector.utils import batch_space
except ImportError as error:
    raise ImportError(
        f"tpo_envs.gymnasium needs Gymnasium 1.1 or later: pip install 'tpo-envs[gymnasium]' ({error})"
    ) from None

from ._episodes import BanditEpisodes, TokenEpisodes
from ._numpy_bandit import NumpyBandit
from ._suite import Split, list_tasks, make_numpy

NAMESPACE = "tpo_envs"


class TaskEnv(gymnasium.Env):
    """A task of the suite as a Gymnasium environment.

    A task of tokens takes one token per step, up to its end token or for `horizon` steps. It observes the
    prompt and the answer so far `[prompt_length + horizon]`, padded with `vocab_size`. A bandit takes one
    action. The rewards of an episode sum to its score, and the last `info` has `score` and `exact_match`.

    Args:
        task_id: an id of `tpo_envs.list_tasks()`.
        split: which images, for a task made of images.
        render_mode: "ansi" for text, or None.

    Raises:
        ValueError: if the id is unknown; the message has the closest matches.
    """

    metadata: dict[str, Any] = {"render_modes": ["ansi"], "render_fps": 4}  # noqa: RUF012

    def __init__(self, task_id: str, split: Split = "train", render_mode: str | None = None):
        self._episodes = _episodes(task_id, split, 1)
        self.observation_space, self.action_space = _spaces(self._episodes)
        self.render_mode = render_mode
        self.task_id = task_id

    def reset(self, *, seed: int | None = None, options: Mapping[str, Any] | None = None) -> tuple[Any, dict]:
        """Begin an episode."""
        super().reset(seed=seed, options=dict(options or {}))
        self._episodes.begin(self.np_random, np.ones(1, bool))
        return self._one(self._episodes.observations()), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict]:
        """Write a token, or take the action."""
        step = self._episodes.step(np.asarray(action).reshape(1))
        over, seen = bool(step.ended[0]), self._one(self._episodes.observations())
        info = {"score": step.scores[0].item(), "exact_match": step.exact[0].item()} if over else {}
        return seen, float(step.rewards[0]), over, False, info

    def render(self) -> Any:
        """The observation as a line of text."""
        if self.render_mode is None:
            return None
        seen = self._episodes.observations()[0]
        if isinstance(self._episodes, BanditEpisodes):
            return f"{self.task_id}: context {seen}\n"
        asked, blank = self._episodes.task.prompt_length, self._episodes.task.vocab_size
        words = ["_" if token == blank else str(token) for token in seen.tolist()]
        return f"{self.task_id}: {' '.join(words[:asked])} -> {' '.join(words[asked:])}\n"

    def _one(self, observations: Any) -> Any:
        discrete = isinstance(self.observation_space, gymnasium.spaces.Discrete)
        return observations[0] if not discrete else np.int64(observations[0])


class TaskVectorEnv(VectorEnv):
    """A task of the suite as a vector environment, computed as one batch.

    A new episode begins with the step after the end of the previous episode, and the action of that step is
    ignored, as in Gymnasium's "next step" mode. Spaces, rewards and `info` are those of `TaskEnv`, with a
    leading axis. If episodes end, `info` also has `_score` and `_exact_match`, which mark these episodes.

    Args:
        task_id: an id of `tpo_envs.list_tasks()`.
        num_envs: the number of parallel episodes, at least 1.
        split: which images, for a task made of images.

    Raises:
        ValueError: if the id is unknown; the message has the closest matches.
    """

    metadata: dict[str, Any] = {"autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012

    def __init__(self, task_id: str, num_envs: int = 1, split: Split = "train"):
        self.num_envs = num_envs
        self._episodes = _episodes(task_id, split, num_envs)
        self.single_observation_space, self.single_action_space = _spaces(self._episodes)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._over = np.zeros(num_envs, bool)

    def reset(
        self,
        *,
        seed: int | list[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Any, dict[str, Any]]:
        """Begin all episodes. One seed determines all of them."""
        if isinstance(seed, list):
            raise TypeError("episodes are drawn as one batch, so seed must be one integer, not a list")
        super().reset(seed=seed, options=options)
        self._over = np.zeros(self.num_envs, bool)
        self._episodes.begin(self.np_random, np.ones(self.num_envs, bool))
        return self._episodes.observations(), {}

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Take a step in the episodes that are not over, and begin new episodes in place of the others."""
        begins, info = self._over, {}
        rewards, ended = np.zeros(self.num_envs), np.zeros(self.num_envs, bool)
        if not begins.all():
            step = self._episodes.step(actions)
            rewards, ended = step.rewards, step.ended
            if ended.any():
                info = {"score": step.scores, "exact_match": step.exact}
                info |= {"_score": ended.copy(), "_exact_match": ended.copy()}
        if begins.any():
            self._episodes.begin(self.np_random, begins)
        self._over = ended.copy()
        return self._episodes.observations(), rewards, ended, np.zeros_like(ended), info


def _episodes(task_id: str, split: Split, n: int) -> TokenEpisodes | BanditEpisodes:
    task = make_numpy(task_id, split=split)
    return BanditEpisodes(task, n) if isinstance(task, NumpyBandit) else TokenEpisodes(task, n)


def _spaces(episodes: TokenEpisodes | BanditEpisodes) -> tuple[Any, Any]:
    actions = gymnasium.spaces.Discrete(episodes.task.num_actions)
    if isinstance(episodes, TokenEpisodes):
        task = episodes.task
        sizes = np.full(task.prompt_length + task.horizon, task.vocab_size + 1)
        return gymnasium.spaces.MultiDiscrete(sizes), actions
    inputs = episodes.task.all_inputs
    if inputs.ndim == 1:
        return gymnasium.spaces.Discrete(len(inputs)), actions
    return gymnasium.spaces.Box(0.0, 1.0, inputs.shape[1:], np.float32), actions


def _register() -> None:
    for task_id in list_tasks():
        name = f"{NAMESPACE}/{task_id}"
        if name in gymnasium.registry:
            continue
        gymnasium.register(
            name,
            entry_point="tpo_envs.gymnasium:TaskEnv",
            vector_entry_point="tpo_envs.gymnasium:TaskVectorEnv",
            kwargs={"task_id": task_id},
        )
        # The last part of an id is the vocabulary size. Gymnasium would take it for a version, and v2 for an
        # outdated v4.
        spec = gymnasium.registry[name]
        spec.name, spec.version = task_id, None


_register()

"""A conversation: every reply depends on the previous one, right or wrong."""

import dataclasses

from jaxtyping import Int, Integer

from ._arrays import AnyArray, namespace
from ._names import check_name
from ._numpy_checks import check_count
from ._rewards import REWARDS
from ._targets import TARGETS
from ._token_base import AbstractTokenTask
from ._token_checks import check_sizes


@dataclasses.dataclass(frozen=True)
class MultiTurnTask(AbstractTokenTask):
    """Reply to `turns` messages in turn; a reply depends on the message and on the previous reply.

    A prompt has `turns` messages of `horizon / turns` uniform tokens each, and an answer as many replies.
    With `reply_0 = 0`, the right reply to message `m_i` is

        reply_i = target((m_i + reply_{i-1}) mod V)

    where `reply_{i-1}` is the actual previous reply. A mistake changes which later replies are right, and a
    reply can be right after a wrong one.

    **Arguments:**

    - `target`, `reward`, `vocab_size`: as in `TokenTask`; the target acts on one message.
    - `turns`: messages in a prompt, at least 1.
    - `horizon`: tokens of all messages together, and of all replies; a multiple of `turns`.

    **Raises:** `ValueError` if the target or reward is unknown, or a size is out of range.

    >>> import numpy as np
    >>> task = MultiTurnTask(target="copy", reward="bag_of_tokens", turns=2, horizon=4, vocab_size=10)
    >>> task.answer(np.array([1, 2, 5, 5])).tolist()
    [1, 2, 6, 7]
    >>> task.token_rewards(np.array([1, 2, 5, 5]), np.array([1, 3, 6, 8])).tolist()
    [1.0, 0.0, 1.0, 1.0]

    Source: ours.
    """

    target: str
    reward: str
    turns: int
    horizon: int
    vocab_size: int

    def __post_init__(self) -> None:
        check_name("target", self.target, TARGETS)
        check_name("reward", self.reward, REWARDS)
        check_sizes(self.horizon, self.vocab_size)
        check_count("turns", self.turns, None)
        if self.turns < 1 or self.horizon % self.turns:
            raise ValueError(
                f"turns is {self.turns}, but it must divide horizon = {self.horizon} "
                "into messages of equal length"
            )

    @property
    def message_length(self) -> int:
        """Tokens in a message and in a reply."""
        return self.horizon // self.turns

    def answer(self, prompts: Integer[AnyArray, "*b h"]) -> Int[AnyArray, "*b h"]:
        """The right replies, each computed from the right reply before it."""
        length, xp = self.message_length, namespace(prompts)
        replies = [self._reply(prompts[..., :length])]
        for turn in range(1, self.turns):
            message = prompts[..., turn * length : (turn + 1) * length]
            replies.append(self._reply(message + replies[-1]))
        return xp.concatenate(replies, axis=-1)

    def right_tokens(
        self, prompts: Integer[AnyArray, "*#b h"], answers: Integer[AnyArray, "*#b h"]
    ) -> Int[AnyArray, "*#b h"]:
        """The token that would be right at every position, given the replies up to there."""
        length, xp = self.message_length, namespace(prompts, answers)
        earlier = answers[..., : self.horizon - length]
        last_replies = xp.concatenate([xp.zeros_like(answers[..., :length]), earlier], axis=-1)
        sums = prompts + last_replies
        by_turn = sums.reshape(*sums.shape[:-1], self.turns, length)
        return self._reply(by_turn).reshape(sums.shape)

    def _reply(self, sums: AnyArray) -> AnyArray:
        return TARGETS[self.target](sums % self.vocab_size, self.vocab_size)

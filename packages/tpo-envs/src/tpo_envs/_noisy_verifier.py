"""A noisy verifier, which passes some wrong answers and fails some right ones."""

import dataclasses

import numpy as np
from jaxtyping import Bool, Float, Int, Integer

from ._arrays import AnyArray, namespace
from ._names import check_name
from ._numpy_checks import check_count
from ._rewards import REWARDS, Reward
from ._targets import TARGETS
from ._token_base import AbstractTokenTask
from ._token_checks import check_sizes
from ._tokens import TokenTask


@dataclasses.dataclass(frozen=True)
class NoisyVerifier(AbstractTokenTask):
    """Answer with `target(prompt)`; every token earns 1 if a noisy verifier passes the answer, else 0.

    The verifier is deterministic: its verdict on an answer to a prompt never changes. A hash of `seed`,
    prompt and answer decides which verdicts are wrong, so each seed makes different mistakes. `correct` and
    `exact_match` ignore the verifier.

    In expectation over verifiers, with `p = V^-h` the probability that a random answer is right:

        random score  = p (1 - false_negatives) + (1 - p) false_positives
        optimal score = 1 - false_negatives (1 - false_positives)^(V^h - 1)

    The optimal policy knows the verifier's mistakes and finds an answer that passes if there is one. Answers
    that are always right earn `honest_score = 1 - false_negatives`. A policy with a higher score exploits the
    verifier, as its exact match shows.

    **Arguments:**

    - `target`, `horizon`, `vocab_size`: as in `TokenTask`.
    - `false_positives`: the share of wrong answers that pass, from 0 to 1.
    - `false_negatives`: the share of right answers that fail, from 0 to 1.
    - `seed`: selects the verifier, from 0 to 2^32 - 1.

    **Raises:** `ValueError` if the target is unknown, or a size, rate or seed is out of range.

    >>> import numpy as np
    >>> task = NoisyVerifier("copy", horizon=1, vocab_size=2, false_positives=0.25, false_negatives=0.5)
    >>> task.random_score, task.honest_score, task.optimal_score
    (0.375, 0.5, 0.625)

    Source: ours.
    """

    target: str
    horizon: int
    vocab_size: int
    false_positives: float
    false_negatives: float
    seed: int = 0

    def __post_init__(self) -> None:
        check_name("target", self.target, TARGETS)
        check_sizes(self.horizon, self.vocab_size)
        for name in ("false_positives", "false_negatives"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}, but a rate must be from 0 to 1")
        check_count("seed", self.seed, None)
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"seed is {self.seed}, but it must be from 0 to 2^32 - 1")

    @property
    def reward(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The reward, which is always terminal."""
        return "terminal"

    @property
    def rule(self) -> Reward:
        """The terminal rule."""
        return REWARDS["terminal"]

    def answer(self, prompts: Integer[AnyArray, "*b h"]) -> Int[AnyArray, "*b h"]:
        """The correct answer of every prompt, whether or not the verifier passes it."""
        return TokenTask(self.target, self.reward, self.horizon, self.vocab_size).answer(prompts)

    def verdicts(
        self, prompts: Integer[AnyArray, "*#b h"], answers: Integer[AnyArray, "*#b h"]
    ) -> Bool[AnyArray, "*b"]:
        """Whether the verifier passes an answer."""
        xp = namespace(prompts, answers)
        right = self.exact_match(prompts, answers)
        luck = _hash(self.seed, prompts, answers)
        fails, passes = _below(luck, self.false_negatives), _below(luck, self.false_positives)
        return xp.where(right, ~fails, passes)

    def token_rewards(
        self, prompts: Integer[AnyArray, "*#b h"], answers: Integer[AnyArray, "*#b h"]
    ) -> Float[AnyArray, "*b h"]:
        """One on every token if the verifier passes the answer, else zero on all."""
        scores = self.score(prompts, answers)
        return namespace(prompts, answers).broadcast_to(scores[..., None], (*scores.shape, self.horizon))

    def score(
        self, prompts: Integer[AnyArray, "*#b h"], answers: Integer[AnyArray, "*#b h"]
    ) -> Float[AnyArray, "*b"]:
        """One for every answer that the verifier passes, else zero."""
        return self.verdicts(prompts, answers).astype(float)

    @property
    def random_score(self) -> float:
        """The expected score of uniformly random answers, over all verifiers."""
        hit = self.vocab_size**-self.horizon
        return hit * self.honest_score + (1 - hit) * self.false_positives

    @property
    def honest_score(self) -> float:
        """The expected score of right answers."""
        return 1 - self.false_negatives

    @property
    def optimal_score(self) -> float:
        """The expected score of a policy that knows the verifier's mistakes."""
        wrong_answers = self.vocab_size**self.horizon - 1
        return 1 - self.false_negatives * (1 - self.false_positives) ** wrong_answers


def _below(luck: AnyArray, rate: float) -> AnyArray:
    # 2^32 does not fit in uint32; with a rate of 1, every hash is below the threshold.
    threshold = round(rate * 2**32)
    return (luck < np.uint32(min(threshold, 2**32 - 1))) | (threshold >= 2**32)


def _hash(seed: int, prompts: AnyArray, answers: AnyArray) -> AnyArray:
    """A hash of prompt and answer `[...]` as uint32, the same in NumPy and in JAX.

    FNV-1a over the tokens, with MurmurHash3's finalizer after each one.
    """
    xp = namespace(prompts, answers)
    shape = xp.broadcast_shapes(prompts.shape, answers.shape)[:-1]
    # Keep one axis, because NumPy warns about overflow in products of scalars but not of arrays.
    state = xp.full((*shape, 1), np.uint32(seed ^ 0x811C9DC5), dtype=np.uint32)
    for tokens in (prompts, answers):
        for t in range(tokens.shape[-1]):
            state = (state ^ tokens[..., t : t + 1].astype(np.uint32)) * np.uint32(0x01000193)
            state = (state ^ (state >> np.uint32(16))) * np.uint32(0x85EBCA6B)
            state = (state ^ (state >> np.uint32(13))) * np.uint32(0xC2B2AE35)
            state = state ^ (state >> np.uint32(16))
    return state[..., 0]

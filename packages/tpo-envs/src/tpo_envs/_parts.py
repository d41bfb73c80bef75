"""Tasks whose answers have parts that can be right separately, possibly with many right answers."""

import abc

import numpy as np
from jaxtyping import Bool, Float, Integer

from ._arrays import AnyArray, namespace
from ._draws import AbstractDrawnTask
from ._token_methods import on_tokens


class AbstractPartsTask(AbstractDrawnTask):
    """A task whose answers have parts. An answer is right if it is complete and all its parts are right.

    The reward `"terminal"` pays 1 for a right answer and 0 for any other. `"graded"` pays the square of the
    share of right parts for a complete answer.
    """

    reward: str

    @abc.abstractmethod
    def _read(self, prompts: AnyArray, answers: AnyArray) -> tuple[AnyArray, AnyArray]:
        """Whether answers `[...]` are complete, and which of their parts `[..., parts]` are right."""

    @on_tokens
    def exact_match(
        self, prompts: Integer[AnyArray, "*#b p"], answers: Integer[AnyArray, "*#b h"]
    ) -> Bool[AnyArray, "*b"]:
        """Whether an answer is complete and all its parts are right."""
        complete, right = self._read(prompts, answers)
        return complete & namespace(prompts, answers).all(right, axis=-1)

    @on_tokens
    def score(
        self, prompts: Integer[AnyArray, "*#b p"], answers: Integer[AnyArray, "*#b h"]
    ) -> Float[AnyArray, "*b"]:
        """The score of every answer, in [0, 1]."""
        if self.reward == "terminal":
            return super().score(prompts, answers)
        complete, right = self._read(prompts, answers)
        share = right.sum(axis=-1, dtype=np.int32) / right.shape[-1]
        return namespace(prompts, answers).where(complete, share**2, 0.0)

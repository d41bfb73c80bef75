"""Random numbers from a NumPy generator or a JAX key, so that a task defines its draws once."""

import abc
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from jaxtyping import Int

from ._answer_base import AbstractAnswerTask
from ._arrays import AnyArray

if TYPE_CHECKING:
    from jaxtyping import PRNGKeyArray


class NumpyDraws:
    """Draws of a NumPy generator."""

    def __init__(self, rng: np.random.Generator):
        self.rng = rng

    def integers(self, low: int, high: int, shape: tuple[int, ...]) -> AnyArray:
        """Uniform integers from `low` to `high - 1`, as `int32`."""
        return self.rng.integers(low, high, shape, np.int32)

    def uniform(self, shape: tuple[int, ...]) -> AnyArray:
        """Uniform numbers from 0 to 1, 1 excluded."""
        return self.rng.random(shape)


class JaxDraws:
    """Draws of a JAX key, which is split for every call."""

    def __init__(self, key: Any):
        self.key = key

    def integers(self, low: int, high: int, shape: tuple[int, ...]) -> AnyArray:
        """Uniform integers from `low` to `high - 1`, as `int32`."""
        import jax

        return jax.random.randint(self._next(), shape, low, high, np.int32)

    def uniform(self, shape: tuple[int, ...]) -> AnyArray:
        """Uniform numbers from 0 to 1, 1 excluded."""
        import jax

        return jax.random.uniform(self._next(), shape, np.float32)

    def _next(self) -> Any:
        import jax

        self.key, here = jax.random.split(self.key)
        return here


Draws: TypeAlias = NumpyDraws | JaxDraws


class AbstractDrawnTask(AbstractAnswerTask):
    """A task with the same definition of prompts for NumPy and JAX."""

    @abc.abstractmethod
    def draw(self, draws: Draws, batch: int) -> Int[AnyArray, "b p"]:
        """Draw `batch` prompts, as `int32`."""

    def prompts(self, key: "PRNGKeyArray", batch: int) -> Int[AnyArray, "{batch} {self.prompt_length}"]:
        """Draw `batch` prompts with a JAX key."""
        return self.draw(JaxDraws(key), batch)

    def numpy_prompts(self, rng: np.random.Generator, batch: int) -> Int[np.ndarray, "b p"]:
        """Draw `batch` prompts with a NumPy generator, as `int32`."""
        return self.draw(NumpyDraws(rng), batch)

"""Log-probs of whole answers, read from log-probs of answers or of their tokens."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from ._answer_inputs import read_answers
from ._inputs import as_array, read_group, rounded


class Sequences(NamedTuple):
    """A batch of groups, with one log-prob for each answer."""

    logp: Float[Array, "*b k"]
    old_logp: Float[Array, "*b k"]
    scores: Float[Array, "*b k"]
    lengths: Float[Array, "*b k"] | None
    where: Bool[Array, "*b k"] | None
    dtype: np.dtype


def read_sequences(
    caller: str, where: Any, logp: Any, old_logp: Any, scores: Any, *, lengths: bool = False
) -> Sequences:
    """Convert log-probs of answers `[*b, k]`, or sum those of their tokens `[*b, k, t]`.

    Args:
        caller: the name of the objective, for its messages.
        where: shaped like `logp`, which entries exist.
        logp: the current log-probs.
        old_logp: those at sampling time.
        scores: `[*b, k]`.
        lengths: whether the numbers of tokens are needed.

    Raises:
        TypeError: an argument is not an array of floats, or `where` is not an array of bools.
        ValueError: the shapes do not fit, or there are no tokens to count.
    """
    logp, scores = as_array(caller, "logp", logp), as_array(caller, "scores", scores)
    if logp.ndim == scores.ndim:
        if lengths:
            raise ValueError(
                f"{caller}: the lengths of the answers are needed, and logp has the shape {logp.shape} "
                "of the scores. Pass log-probs of tokens, in shape (prompts, candidates, tokens)."
            )
        arrays, mask, dtype = read_group(caller, where, logp=logp, old_logp=old_logp, scores=scores)
        return Sequences(arrays[0], arrays[1], arrays[2], None, mask, dtype)
    read = read_answers(caller, where, logp, old_logp, scores)
    now, old = jnp.sum(read.logp, axis=-1), jnp.sum(read.old_logp, axis=-1)
    counts = token_counts(read.logp, read.where)
    return Sequences(now, old, read.scores, counts, read.exists, read.dtype)


def token_counts(logp: Float[Array, "*b k t"], where: Bool[Array, "*b k t"] | None) -> Float[Array, "*b k"]:
    """The number of tokens of each answer."""
    if where is None:
        return jnp.full(logp.shape[:-1], float(logp.shape[-1]), logp.dtype)
    return jnp.sum(where, axis=-1).astype(logp.dtype)


def over_tokens(objective: Callable[..., Float[Array, "*b"]]) -> Callable[..., Float[Array, "*b"]]:
    r"""Make an objective of whole answers accept token log-probs.

    $$\ell^S_i = \sum_t m_{it}\, \ell_{it}$$

    The objective gets the sums over the tokens of each answer, and a `where` that marks the answers with at
    least one token. Gradients reach every token.

    Args:
        objective: any group objective `(logp, old_logp, scores, *, where=None, **options)` of `[*b, k]`.

    Returns:
        A function with the name and options of `objective` that takes `logp`, `old_logp` and `where` in
        shape `[*b, k, t]` and scores in shape `[*b, k]`. It returns what `objective` returns. Without
        `where`, the objective is called with three arrays.

    Raises:
        TypeError: when called, if an array does not hold floats, or `where` does not hold bools.
        ValueError: when called, if the shapes do not fit.

    Example:
        >>> import jax.numpy as jnp
        >>> import numpy as np
        >>> from tpo_objectives import group_pg, over_tokens
        >>> logp = jnp.log(jnp.array([[0.5, 0.5], [0.2, 1.0]]))  # two answers of two tokens
        >>> scores = jnp.array([1.0, 0.0])
        >>> where = jnp.array([[True, True], [True, False]])  # the second one ends after its first token
        >>> print(np.asarray(over_tokens(group_pg)(logp, logp, scores, where=where)).round(2))
        -0.22
    """

    @functools.wraps(objective)
    def lifted(
        logp: Float[Array, "*b k t"],
        old_logp: Float[Array, "*b k t"],
        scores: Float[Array, "*b k"],
        *,
        where: Bool[Array, "*b k t"] | None = None,
        **options: Any,
    ) -> Float[Array, "..."]:
        read = read_answers("over_tokens", where, logp, old_logp, scores)
        if read.exists is not None:
            options["where"] = read.exists
        totals = (jnp.sum(tokens, axis=-1) for tokens in (read.logp, read.old_logp))
        losses = objective(*totals, read.scores, **options)
        return rounded(losses, read.dtype)

    return lifted

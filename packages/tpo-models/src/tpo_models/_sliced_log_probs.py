"""Log-probs of tokens without the log-probs of the whole vocabulary at every position."""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ._precision import at_least_float32
from ._sampling import select

# The maximum number of logits that exist at once: 64 MiB of float32.
LOGITS = 2**24


def logits_of(x: Float[Array, "n width"], head: Float[Array, "vocab width"]) -> Float[Array, "n vocab"]:
    """The logits of every row, in at least float32."""
    over_width = (((1,), (1,)), ((), ()))
    wide = at_least_float32(x.dtype)
    return jax.lax.dot_general(x, head.astype(x.dtype), over_width, preferred_element_type=wide)


def sliced_log_probs(
    x: Float[Array, "n width"],
    head: Float[Array, "vocab width"],
    tokens: Int[Array, "n k"],
    *,
    logits: int = LOGITS,
) -> Float[Array, "n k"]:
    """The log-probs of `k` tokens in the distribution of every row.

    Rows are processed in slices of at most `logits` logits, and the backward pass recomputes the logits of
    each slice.
    """
    head = head.astype(x.dtype)
    rows, vocab = len(x), len(head)
    slices = -(-rows // max(1, logits // vocab))
    if slices <= 1:
        return jax.checkpoint(_log_probs)(x, head, tokens)
    size = -(-rows // slices)
    filler = slices * size - rows
    x = jnp.pad(x, ((0, filler), (0, 0))).reshape(slices, size, -1)
    padded = jnp.pad(tokens, ((0, filler), (0, 0))).reshape(slices, size, -1)

    # A scan already keeps its iterations apart, so no barriers against common subexpressions are needed.
    @functools.partial(jax.checkpoint, prevent_cse=False)
    def of_slice(part):
        return _log_probs(part[0], head, part[1])

    return jax.lax.map(of_slice, (x, padded)).reshape(slices * size, -1)[:rows]


def _log_probs(x, head, tokens):
    of_row = logits_of(x, head)
    if tokens.shape[1] == 1:
        # The gradient of this sum is a product; the gradient of a gather would be a scatter.
        chosen = select(of_row, tokens[:, 0])[:, None]
    else:
        chosen = jnp.take_along_axis(of_row, tokens, axis=-1)
    return chosen - jax.nn.logsumexp(of_row, axis=-1, keepdims=True)

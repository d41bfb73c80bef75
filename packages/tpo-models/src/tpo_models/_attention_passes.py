"""Attention in the three passes: over prompts, over prompts and answers, and in decoding."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ._attention import KeyValues, causal
from ._grouped_attention import Readable, attend_grouped

FILL = -1
"""The token that pads prompts on the left."""


class Layout(NamedTuple):
    """How the rows of a pass are arranged: `b` prompts with `k` candidates of `t` tokens each."""

    prompts: int
    candidates: int
    length: int


def prompt_positions(prompts: Int[Array, "b p"]) -> Int[Array, "b p"]:
    """The positions of the tokens of every prompt, starting with 0 at the first token that is not padding."""
    return jnp.maximum(jnp.cumsum(prompts != FILL, axis=-1) - 1, 0).astype(jnp.int32)


def mix_prompts(
    queries: Float[Array, "n heads groups head_dim"], own: KeyValues, *, real: Bool[Array, "b p"]
) -> tuple[Float[Array, "n heads_out"], KeyValues]:
    """Every prompt attends to itself; also returns its keys and values `b heads p head_dim`."""
    batch, length = real.shape
    layout = Layout(batch, 1, length)
    mask = causal(length) & real[:, None]
    part = Readable(_by_heads(own, layout), _of_rows(mask, queries.shape[2]))
    attended = attend_grouped(_rows_by_heads(queries, layout), [part])
    return _merged(attended, layout), KeyValues(*(array[:, :, 0] for array in part.of))


def mix_prompts_and_answers(
    queries: Float[Array, "n heads groups head_dim"],
    own: KeyValues,
    *,
    real: Bool[Array, "b p"],
    answers: Layout,
) -> tuple[Float[Array, "n heads_out"], None]:
    """The rows of all prompts, then of all answers, which attend to their prompt and themselves."""
    rows, groups = real.size, queries.shape[2]
    of_prompts, prefix = mix_prompts(queries[:rows], KeyValues(*(x[:rows] for x in own)), real=real)
    parts = [
        Readable(prefix, real[:, None, None, None]),
        Readable(
            _by_heads(KeyValues(*(x[rows:] for x in own)), answers),
            _of_rows(causal(answers.length)[None], groups),
        ),
    ]
    attended = attend_grouped(_rows_by_heads(queries[rows:], answers), parts)
    return jnp.concatenate([of_prompts, _merged(attended, answers)]), None


def mix_decoded(
    queries: Float[Array, "n heads groups head_dim"],
    own: KeyValues,
    *,
    cache: tuple[KeyValues, KeyValues],
    real: Bool[Array, "b p"],
    written: Int[Array, ""],
) -> tuple[Float[Array, "n heads_out"], KeyValues]:
    """One token of every candidate attends to its prompt, the `written` tokens before it, and itself."""
    prefix, earlier = cache
    batch, _, candidates, room, _ = earlier.keys.shape
    layout = Layout(batch, candidates, 1)
    new = _by_heads(own, layout)
    parts = [
        Readable(prefix, real[:, None, None, None]),
        Readable(earlier, (jnp.arange(room) < written)[None, None, None, None]),
        Readable(new, jnp.ones((1, 1, 1, 1, 1), dtype=bool)),
    ]
    return _merged(attend_grouped(_rows_by_heads(queries, layout), parts), layout), new


def _of_rows(mask, groups):
    """The mask `b t s` for the rows of a head: the positions of its first group, then of the next."""
    return jnp.tile(mask, (1, groups, 1))[:, None, None]


def _by_heads(own, layout):
    def arranged(x):
        return x.reshape(*layout, *x.shape[1:]).transpose(0, 3, 1, 2, 4)

    return KeyValues(*map(arranged, own))


def _rows_by_heads(queries, layout):
    _, heads, groups, head_dim = queries.shape
    by_heads = queries.reshape(*layout, heads, groups, head_dim).transpose(0, 3, 1, 4, 2, 5)
    return by_heads.reshape(layout.prompts, heads, layout.candidates, groups * layout.length, head_dim)


def _merged(attended, layout):
    batch, heads, candidates, rows, head_dim = attended.shape
    groups = rows // layout.length
    apart = attended.reshape(batch, heads, candidates, groups, layout.length, head_dim)
    return apart.transpose(0, 2, 4, 1, 3, 5).reshape(-1, heads * groups * head_dim)

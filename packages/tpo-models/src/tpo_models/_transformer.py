"""A decoder-only transformer as a policy over answers to prompts."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from ._attention import KeyValues
from ._block import Block
from ._dense import Dense
from ._layer_norm import LayerNorm
from ._precision import widened


class Prefill(NamedTuple):
    """A processed prompt: the keys and values of every layer, and the log-probs of the first answer token."""

    cache: tuple[KeyValues, ...]
    log_probs: Float[Array, "b vocab"]


class CausalTransformer(eqx.Module):
    """A pre-norm causal transformer for prompts and answers of `horizon` tokens.

    The input is the prompt followed by the answer; the output at position `horizon - 1 + t` predicts answer
    token `t`. A prompt is processed once and shared by all its candidates, in sampling and in scoring.
    Methods take batches of `b` prompts with `k` candidates each and `h` tokens.

    **Arguments:**

    - `vocab_size`: tokens are `0 .. vocab_size - 1`.
    - `horizon`: tokens in a prompt, and the maximum in an answer; the position table has `2 * horizon` rows.
    - `width`, `layers`, `heads`: `heads` must divide `width`. The MLPs are four times as wide.

    **Raises:** `ValueError` if a size is below 1 or `heads` does not divide `width`.

    Token embeddings are initialized normal with standard deviation `1 / sqrt(width)`, position embeddings
    with 0.02, kernels LeCun-normal, and biases zero. The head has a bias.

    >>> import jax
    >>> policy = CausalTransformer(
    ...     vocab_size=4, horizon=10, width=64, layers=2, heads=2, key=jax.random.key(0)
    ... )
    >>> prompts = jax.random.randint(jax.random.key(1), (3, 10), 0, 4)
    >>> answers, log_probs = policy.sample(jax.random.key(2), prompts, candidates=5)
    >>> answers.shape, policy.log_probs(prompts, answers).shape
    ((3, 5, 10), (3, 5, 10))

    Source: arXiv 2604.06159, section 3. The text says 4 heads; the published numbers were made with 2.
    """

    token_embedding: Float[Array, "vocab width"]
    position_embedding: Float[Array, "positions width"]
    blocks: tuple[Block, ...]
    norm: LayerNorm
    head: Dense

    def __init__(
        self, *, vocab_size: int, horizon: int, width: int, layers: int, heads: int, key: PRNGKeyArray
    ):
        sizes = {
            "vocab_size": vocab_size,
            "horizon": horizon,
            "width": width,
            "layers": layers,
            "heads": heads,
        }
        for name, size in sizes.items():
            if size < 1:
                raise ValueError(f"{name} is {size}, but it must be at least 1")
        if width % heads:
            raise ValueError(f"heads is {heads}, which does not divide width {width}")
        token_key, position_key, head_key, *block_keys = jax.random.split(key, 3 + layers)
        self.token_embedding = jax.random.normal(token_key, (vocab_size, width), jnp.float32) / jnp.sqrt(
            jnp.float32(width)
        )
        self.position_embedding = 0.02 * jax.random.normal(position_key, (2 * horizon, width), jnp.float32)
        self.blocks = tuple(Block(width, heads, key=block_key) for block_key in block_keys)
        self.norm = LayerNorm(width)
        self.head = Dense(width, vocab_size, key=head_key)

    @property
    def vocab_size(self) -> int:
        """The number of tokens."""
        return self.token_embedding.shape[0]

    def prefill(self, prompts: Int[Array, "b h"]) -> Prefill:
        """Process every prompt once."""
        x = self._embed(prompts[:, None], jnp.arange(prompts.shape[1]))
        mask = _causal(prompts.shape[1])
        cache = []
        for block in self.blocks:
            queries, own = block.queries_keys_values(x)
            cache.append(KeyValues(own.keys[:, :, 0], own.values[:, :, 0]))
            if block is self.blocks[-1]:
                # In the last block, only the final position predicts a token.
                x, queries, mask = x[:, :, -1:], queries[..., -1:, :], mask[-1:]
            x = block(x, queries, own, mask)
        return Prefill(tuple(cache), self._log_softmax(x)[:, 0, 0])

    def answer_log_softmax(
        self, prompts: Int[Array, "b h"], answers: Int[Array, "b k t"]
    ) -> Float[Array, "b k t vocab"]:
        """The log-probs of all tokens at every position of given answers, in one pass."""
        prefill = self.prefill(prompts)
        candidates, length = answers.shape[1:]
        first = jnp.broadcast_to(
            prefill.log_probs[:, None, None], (len(answers), candidates, 1, self.vocab_size)
        )
        if length == 1:
            return first
        x = self._embed(answers[..., :-1], prompts.shape[1] + jnp.arange(length - 1))
        mask = _causal(length - 1)
        for block, prefix in zip(self.blocks, prefill.cache, strict=True):
            queries, own = block.queries_keys_values(x)
            x = block(x, queries, own, mask, prefix)
        return jnp.concatenate([first, self._log_softmax(x)], axis=2)

    def log_probs(self, prompts: Int[Array, "b h"], answers: Int[Array, "b k t"]) -> Float[Array, "b k t"]:
        """The log-prob of every token of given answers."""
        return _select(self.answer_log_softmax(prompts, answers), answers)

    def sample(
        self, key: PRNGKeyArray, prompts: Int[Array, "b h"], candidates: int
    ) -> tuple[Int[Array, "b {candidates} h"], Float[Array, "b {candidates} h"]]:
        """Draw independent answers to every prompt, as long as the prompt, with the log-prob of each token.

        Decoding uses a key/value cache, so every step processes a single position.
        """
        batch, horizon = prompts.shape
        prefill = self.prefill(prompts)
        first = jnp.broadcast_to(prefill.log_probs[:, None], (batch, candidates, self.vocab_size))
        keys = jax.random.split(key, horizon)
        tokens = _draw(keys[0], first)
        room = max(1, horizon - 1)
        heads, head_dim = self.blocks[0].attention.query_bias.shape
        empty = jnp.zeros((batch, heads, candidates, room, head_dim), self.token_embedding.dtype)
        written = tuple(KeyValues(empty, empty) for _ in self.blocks)

        def step(carry, now):
            tokens, written = carry
            t, key = now
            log_softmax, written = self._decode(tokens, t, horizon, written, prefill.cache)
            tokens = _draw(key, log_softmax)
            return (tokens, written), (tokens, _select(log_softmax, tokens))

        _, (rest, rest_log_probs) = jax.lax.scan(step, (tokens, written), (jnp.arange(horizon - 1), keys[1:]))
        answers = jnp.concatenate([tokens[None], rest])
        log_probs = jnp.concatenate([_select(first, tokens)[None], rest_log_probs])
        return jnp.moveaxis(answers, 0, -1), jnp.moveaxis(log_probs, 0, -1)

    def _decode(self, tokens, t, prompt_length, written, cache):
        """Read answer token `t` of every candidate and predict the next one."""
        x = self._embed(tokens[..., None], prompt_length + t[None])
        mask = jnp.arange(written[0].keys.shape[3])[None] <= t
        extended = []
        for block, own, prefix in zip(self.blocks, written, cache, strict=True):
            queries, new = block.queries_keys_values(x)
            own = KeyValues(
                *(jax.lax.dynamic_update_slice_in_dim(old, n, t, 3) for old, n in zip(own, new, strict=True))
            )
            extended.append(own)
            x = block(x, queries, own, mask, prefix)
        return self._log_softmax(x)[:, :, 0], tuple(extended)

    def _embed(self, tokens, positions):
        # The gradient of a one-hot product is a matrix product; that of a gather would be a scatter.
        one_hot = jax.nn.one_hot(tokens.reshape(-1), self.vocab_size, dtype=self.token_embedding.dtype)
        embedded = (one_hot @ self.token_embedding).reshape(*tokens.shape, -1)
        return embedded + self.position_embedding[positions]

    def _log_softmax(self, x):
        logits = self.head(self.norm(x.reshape(-1, x.shape[-1])))
        log_softmax = jax.nn.log_softmax(widened(logits)).astype(logits.dtype)
        return log_softmax.reshape(*x.shape[:-1], self.vocab_size)


def _causal(length):
    return jnp.tril(jnp.ones((length, length), dtype=bool))


def _draw(key, log_softmax):
    # Random numbers of a 16-bit dtype are too coarse for the distribution.
    return jax.random.categorical(key, widened(log_softmax))


def _select(log_softmax, tokens):
    chosen = jax.nn.one_hot(tokens, log_softmax.shape[-1], dtype=bool)
    # Not a product: the log-prob of an impossible token times 0 is NaN.
    return jnp.sum(jnp.where(chosen, log_softmax, 0.0), axis=-1)

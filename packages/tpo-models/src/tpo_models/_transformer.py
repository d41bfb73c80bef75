"""A decoder-only transformer as a policy over answers to prompts."""

from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from ._attention import KeyValues, causal
from ._block import Block
from ._dense import Dense
from ._distinct import block_size, in_blocks_pays, whole_blocks
from ._distinct_scores import distinct_scores
from ._layer_norm import LayerNorm
from ._precision import widened
from ._sampling import sample_all, sample_until, select
from ._shared_sampling import sample_shared


class Prefill(NamedTuple):
    """A processed prompt: the keys and values of every layer, and the log-probs of the first answer token."""

    cache: tuple[KeyValues, ...]
    log_probs: Float[Array, "b vocab"]


class CausalTransformer(eqx.Module):
    """A pre-norm causal transformer for answers of at most `horizon` tokens.

    The input is the prompt followed by the answer; the output at position `prompt_length - 1 + t` predicts
    answer token `t`. A prompt is processed once and shared by all its candidates, both in sampling and
    in scoring. Methods take batches of `b` prompts with `k` candidates each and `h` tokens.

    **Arguments:**

    - `vocab_size`: tokens are `0 .. vocab_size - 1`.
    - `horizon`: the maximum number of tokens in an answer.
    - `width`, `layers`, `heads`: `heads` must divide `width`. The MLPs are four times as wide.
    - `prompt_length`: tokens in a prompt, `horizon` by default. The position table has
        `prompt_length + horizon` rows.
    - `initial_probs`: `vocab_size` probabilities whose logarithms initialize the biases of the head. By
        default, the biases are zeros, and the initial policy is close to uniform.

    **Raises:** `ValueError` if a size is below 1, `heads` does not divide `width`, or `initial_probs` are not
    `vocab_size` numbers above 0 that sum to 1.

    Token embeddings are initialized normal with standard deviation `1 / sqrt(width)`, position embeddings
    with 0.02, kernels LeCun-normal, and biases with zeros, except for `initial_probs`.

    >>> import jax
    >>> policy = CausalTransformer(
    ...     vocab_size=4, horizon=10, width=64, layers=2, heads=2, key=jax.random.key(0)
    ... )
    >>> prompts = jax.random.randint(jax.random.key(1), (3, 10), 0, 4)
    >>> answers, log_probs = policy.sample(jax.random.key(2), prompts, candidates=5)
    >>> answers.shape, policy.log_probs(prompts, answers).shape
    ((3, 5, 10), (3, 5, 10))
    >>> answers, log_probs = policy.sample(jax.random.key(2), prompts, candidates=5, end=3)
    >>> bool(jnp.all((answers == 3) | (log_probs < 0)))  # after its end token, an answer is certain
    True

    Source: arXiv 2604.06159, section 3. The text says 4 heads; the published numbers were made with 2.
    """

    token_embedding: Float[Array, "vocab width"]
    position_embedding: Float[Array, "positions width"]
    blocks: tuple[Block, ...]
    norm: LayerNorm
    head: Dense

    def __init__(
        self,
        *,
        vocab_size: int,
        horizon: int,
        width: int,
        layers: int,
        heads: int,
        prompt_length: int | None = None,
        initial_probs: Sequence[float] | None = None,
        key: PRNGKeyArray,
    ):
        prompt_length = horizon if prompt_length is None else prompt_length
        sizes = {
            "vocab_size": vocab_size,
            "horizon": horizon,
            "prompt_length": prompt_length,
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
        self.position_embedding = 0.02 * jax.random.normal(
            position_key, (prompt_length + horizon, width), jnp.float32
        )
        self.blocks = tuple(Block(width, heads, key=block_key) for block_key in block_keys)
        self.norm = LayerNorm(width)
        head = Dense(width, vocab_size, key=head_key)
        if initial_probs is not None:
            bias = jnp.log(_checked_probs(initial_probs, vocab_size))
            head = eqx.tree_at(lambda dense: dense.bias, head, bias)
        self.head = head

    @property
    def vocab_size(self) -> int:
        """The number of tokens."""
        return self.token_embedding.shape[0]

    @property
    def width(self) -> int:
        """The width of the layers."""
        return self.token_embedding.shape[1]

    def prefill(self, prompts: Int[Array, "b p"]) -> Prefill:
        """Process every prompt once."""
        x = self._embed(prompts[:, None], jnp.arange(prompts.shape[1]))
        mask = causal(prompts.shape[1])
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
        self, prompts: Int[Array, "b p"], answers: Int[Array, "b k t"]
    ) -> Float[Array, "b k t vocab"]:
        """The log-probs of all tokens at every position of given answers, in one pass."""
        return self._log_softmax_after(self.prefill(prompts), answers)

    def scores_after(self, prefill: Prefill, answers: Int[Array, "b k t"]) -> Float[Array, "b k t"]:
        """The log-prob of every token of answers to processed prompts."""
        return select(self._log_softmax_after(prefill, answers), answers)

    def _log_softmax_after(self, prefill, answers):
        candidates, length = answers.shape[1:]
        first = jnp.broadcast_to(
            prefill.log_probs[:, None, None], (len(answers), candidates, 1, self.vocab_size)
        )
        if length == 1:
            return first
        prompt_length = prefill.cache[0].keys.shape[-2]
        x = self._embed(answers[..., :-1], prompt_length + jnp.arange(length - 1))
        mask = causal(length - 1)
        for block, prefix in zip(self.blocks, prefill.cache, strict=True):
            queries, own = block.queries_keys_values(x)
            x = block(x, queries, own, mask, prefix)
        return jnp.concatenate([first, self._log_softmax(x)], axis=2)

    def log_probs(self, prompts: Int[Array, "b p"], answers: Int[Array, "b k t"]) -> Float[Array, "b k t"]:
        """The log-prob of every token of given answers.

        On a CPU, large batches are computed in blocks, and equal answers to equal prompts once. You can then
        differentiate only once, and only in reverse mode.
        """
        batch, candidates, length = answers.shape
        block = block_size(length, self.width)
        if not in_blocks_pays(batch, candidates, block, self.width):
            return select(self.answer_log_softmax(prompts, answers), answers)
        return distinct_scores(self, prompts, answers, vocab_size=self.vocab_size, block=block)

    def sample(
        self,
        key: PRNGKeyArray,
        prompts: Int[Array, "b p"],
        candidates: int,
        *,
        horizon: int | None = None,
        end: int | None = None,
        temperature: float | Float[Array, ""] | None = None,
    ) -> tuple[Int[Array, "b {candidates} h"], Float[Array, "b {candidates} h"]]:
        """Draw independent answers to every prompt, with the log-prob of each token when it was drawn.

        Decoding uses a key/value cache, so every step processes a single position. On a CPU, large batches
        are computed in blocks, and equal beginnings of answers to equal prompts once.

        **Arguments:**

        - `key`: the key of the draw.
        - `prompts`: prompts `[b, p]`.
        - `candidates`: answers to each prompt.
        - `horizon`: the maximum number of tokens in an answer; by default, as many as in a prompt.
        - `end`: the end token. Sampling stops when all answers have ended. After its first end token, an
            answer is padded with end tokens of log-prob 0. By default, None: no answer ends early.
        - `temperature`: divides the logits, above 0; the log-probs are those of the tempered distribution.

        **Returns:** the answers and the log-probs, `[b, k, horizon]`.
        """
        batch, prompt_length = prompts.shape
        horizon = prompt_length if horizon is None else horizon
        prefill = self.prefill(prompts)
        shared = prefill.log_probs if temperature is None else _tempered(prefill.log_probs, temperature)
        first = jnp.broadcast_to(shared[:, None], (batch, candidates, self.vocab_size))
        heads, head_dim = self.blocks[0].attention.query_bias.shape

        def empty(*shape):
            array = jnp.zeros(shape, self.token_embedding.dtype)
            return tuple(KeyValues(array, array) for _ in self.blocks)

        def decode(tokens, t, written, prefix=prefill.cache):
            log_softmax, written = self._decode(tokens, t, prompt_length, written, prefix)
            if temperature is not None:
                log_softmax = _tempered(log_softmax, temperature)
            return log_softmax, written

        def extend(owners, tokens, t, own):
            prefix = jax.tree.map(lambda leaf: leaf[owners], prefill.cache)
            own = jax.tree.map(lambda leaf: leaf.transpose(1, 2, 0, 3)[:, :, None], own)
            log_softmax, own = decode(tokens[:, None], t, own, prefix)
            new = jax.tree.map(lambda leaf: jax.lax.dynamic_index_in_dim(leaf[:, :, 0], t, 2, False), own)
            return log_softmax[:, 0], new

        block = block_size(4, self.width)  # of one position each; blocks four times as large were slower
        if horizon > 1 and in_blocks_pays(batch, candidates, block, self.width):
            cache = empty(horizon - 1, whole_blocks(batch * candidates, block), heads, head_dim)
            drawn = sample_shared(key, first, cache, extend, prompts, horizon, end, block)
        else:
            cache = empty(batch, heads, candidates, max(1, horizon - 1), head_dim)
            if end is None:
                drawn = sample_all(key, first, cache, decode, horizon)
            else:
                drawn = sample_until(key, first, cache, decode, horizon, end)
        answers, log_probs = drawn
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
        # The gradient of a one-hot product is a matrix product; the gradient of a gather would be a scatter.
        one_hot = jax.nn.one_hot(tokens.reshape(-1), self.vocab_size, dtype=self.token_embedding.dtype)
        embedded = (one_hot @ self.token_embedding).reshape(*tokens.shape, -1)
        return embedded + self.position_embedding[positions]

    def _log_softmax(self, x):
        logits = self.head(self.norm(x.reshape(-1, x.shape[-1])))
        log_softmax = jax.nn.log_softmax(widened(logits)).astype(logits.dtype)
        return log_softmax.reshape(*x.shape[:-1], self.vocab_size)


def _tempered(log_softmax, temperature):
    wide = widened(log_softmax)
    return jax.nn.log_softmax(wide / temperature).astype(log_softmax.dtype)


def _checked_probs(probs, vocab_size):
    values = jnp.asarray(probs, jnp.float32)
    total = float(sum(probs))
    if values.shape != (vocab_size,) or min(probs) <= 0 or abs(total - 1) > 1e-6:
        raise ValueError(
            f"initial_probs is {tuple(probs)}; expected {vocab_size} numbers above 0 with the sum 1, "
            "one for each token"
        )
    return values

"""A language model of the Llama family as a policy over answers to prompts."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray, Scalar
from numpy.typing import DTypeLike

from ._attention import KeyValues
from ._attention_passes import (
    FILL,
    Layout,
    mix_decoded,
    mix_prompts,
    mix_prompts_and_answers,
    prompt_positions,
)
from ._decoding import check_options, completed, started
from ._language_config import LanguageModelConfig
from ._language_layer import LanguageLayer, initial_layers
from ._linear import normal_kernel
from ._rms_norm import rms_norm
from ._rotary import rotation
from ._sliced_log_probs import logits_of, sliced_log_probs
from ._token_draw import draw_tokens


class LanguageModel(eqx.Module):
    """A causal language model of the Llama family: Llama, SmolLM2, Qwen2, Qwen3.

    RMSNorm, rotary positions, grouped queries and SwiGLU. A prompt is processed once and shared by all its
    candidates, both in sampling and in scoring. Methods take batches of `b` prompts with `k` candidates
    each. Pad prompts of different lengths on the **left** with -1; padding does not change results.

    **Arguments:**

    - `config`: the sizes.
    - `dtype`: the dtype of the computation, float32 or bfloat16. Parameters are cast to it on use, so that an
        optimizer updates float32 parameters. Log-probs are float32.
    - `checkpoint`: whether the backward pass recomputes every layer instead of storing its intermediate
        results. This takes a third more time and a small fraction of the memory.
    - `key`: the key of the parameters.

    The arrays of `layers` have a leading axis for the layers, over which a scan runs. Kernels are initialized
    normal with variance `1 / fan_in`, embeddings with variance `1 / width`, norms with ones and biases with
    zeros.

    >>> import jax
    >>> sizes = {"vocab_size": 50, "width": 8, "layers": 2, "heads": 4, "kv_heads": 2, "head_dim": 2}
    >>> config = LanguageModelConfig(**sizes, mlp_width=16)
    >>> policy = LanguageModel(config, key=jax.random.key(0))
    >>> prompts = jax.numpy.array([[-1, 7, 8], [1, 2, 3]])
    >>> answers, log_probs = policy.sample(jax.random.key(1), prompts, 5, horizon=4, end=0)
    >>> answers.shape, policy.log_probs(prompts, answers).shape
    ((2, 5, 4), (2, 5, 4))

    Source: arXiv 2302.13971, with the extensions that `LanguageModelConfig` lists.
    """

    embedding: Float[Array, "vocab width"]
    layers: LanguageLayer
    norm: Float[Array, " width"]
    head: Float[Array, "vocab width"] | None
    config: LanguageModelConfig = eqx.field(static=True)
    dtype: np.dtype = eqx.field(static=True)
    checkpoint: bool = eqx.field(static=True)

    def __init__(
        self,
        config: LanguageModelConfig,
        *,
        dtype: DTypeLike = jnp.float32,
        checkpoint: bool = True,
        key: PRNGKeyArray,
    ):
        embedding_key, layers_key, head_key = jax.random.split(key, 3)
        shape = (config.vocab_size, config.width)
        self.embedding = normal_kernel(embedding_key, *shape)
        self.layers = initial_layers(config, layers_key)
        self.norm = jnp.ones(config.width, jnp.float32)
        self.head = None if config.tied_head else normal_kernel(head_key, *shape)
        self.config = config
        self.dtype = np.dtype(dtype)
        self.checkpoint = checkpoint

    @property
    def vocab_size(self) -> int:
        """The number of tokens."""
        return self.config.vocab_size

    def log_probs(self, prompts: Int[Array, "b p"], answers: Int[Array, "b k t"]) -> Float[Array, "b k t"]:
        """The log-prob of every token of given answers, in one pass.

        Only the logits of a slice of the positions exist at once, also in the backward pass.
        """
        first, later = self._hidden(prompts, answers)
        batch, candidates, length = answers.shape
        of_first = sliced_log_probs(first, self._head, answers[..., 0])[..., None]
        if length == 1:
            return of_first
        of_later = sliced_log_probs(later, self._head, answers[..., 1:].reshape(-1, 1))
        return jnp.concatenate([of_first, of_later.reshape(batch, candidates, length - 1)], axis=-1)

    def answer_log_softmax(
        self, prompts: Int[Array, "b p"], answers: Int[Array, "b k t"]
    ) -> Float[Array, "b k t vocab"]:
        """The log-probs of all tokens at every position of given answers, in one pass."""
        first, later = self._hidden(prompts, answers)
        batch, candidates, length = answers.shape
        of_first = jax.nn.log_softmax(logits_of(first, self._head))[:, None, None]
        of_first = jnp.broadcast_to(of_first, (batch, candidates, 1, self.vocab_size))
        of_later = jax.nn.log_softmax(logits_of(later, self._head))
        of_later = of_later.reshape(batch, candidates, length - 1, self.vocab_size)
        return jnp.concatenate([of_first, of_later], axis=2)

    def sample(
        self,
        key: PRNGKeyArray,
        prompts: Int[Array, "b p"],
        candidates: int,
        *,
        horizon: int,
        end: int | None = None,
        temperature: float | int | Scalar | None = None,
        top_p: float | int | Scalar | None = None,
    ) -> tuple[Int[Array, "b {candidates} {horizon}"], Float[Array, "b {candidates} {horizon}"]]:
        """Draw independent answers to every prompt, with the log-prob of each token when it was drawn.

        Decoding uses a key/value cache, so every step processes a single position.

        **Arguments:**

        - `key`: the key of the draw.
        - `prompts`: prompts `[b, p]`, padded on the left with -1.
        - `candidates`: answers to each prompt.
        - `horizon`: the maximum number of tokens in an answer.
        - `end`: the end token. Sampling stops when all answers have ended. After its first end token, an
            answer is padded with end tokens of log-prob 0. By default, None: no answer ends early.
        - `temperature`: divides the logits. The number 0 decodes greedily: all candidates are the same greedy
            answer, with log-probs at temperature 1.
        - `top_p`: above 0, at most 1; draws only from the most probable tokens whose total probability
            reaches `top_p`, after the temperature.

        **Returns:** the answers and the log-probs, `[b, k, horizon]`. Log-probs refer to the distribution
        that the token was drawn from, so with `temperature` or `top_p` they differ from those of `log_probs`.

        **Raises:** `ValueError` if the prompts and the horizon exceed the model's positions, or `horizon`,
        `candidates`, `temperature` or `top_p` is out of its range.
        """
        self._check_length(prompts.shape[1] + horizon)
        check_options(candidates, horizon, temperature, top_p)
        draw = functools.partial(draw_tokens, temperature=temperature, top_p=top_p)
        hidden, prefix = self._prefill(prompts)
        keys = jax.random.split(key, horizon)
        tokens, of_tokens = draw(keys[0], logits_of(hidden, self._head), candidates)
        empty = self._empty_cache(len(prompts), candidates, horizon)
        state = started(tokens.astype(prompts.dtype), of_tokens, empty, horizon=horizon, end=end)

        def draw_next(state):
            hidden, written = self._decode(prompts, prefix, state)
            tokens, of_tokens = draw(keys[state.drawn], logits_of(hidden, self._head), 1)
            tokens = tokens.reshape(state.tokens.shape).astype(prompts.dtype)
            return tokens, of_tokens.reshape(tokens.shape), written

        state = completed(state, draw_next, end=end)
        return jnp.moveaxis(state.answers, 0, -1), jnp.moveaxis(state.log_probs, 0, -1)

    @property
    def _head(self):
        return self.embedding if self.head is None else self.head

    def _prefill(self, prompts):
        """The output at the last position of every prompt, and the keys and values of all layers."""
        mix = functools.partial(mix_prompts, real=prompts != FILL)
        x, prefix = self._run(prompts.reshape(-1), prompt_positions(prompts).reshape(-1), mix)
        return self._normed(x.reshape(*prompts.shape, -1)[:, -1]), prefix

    def _hidden(self, prompts, answers):
        """The rows that predict the first tokens of the answers, `b`, and the later tokens, `b k (t - 1)`."""
        self._check_length(prompts.shape[1] + answers.shape[2])
        layout = Layout(*answers[..., :-1].shape)
        if layout.length == 0:
            first, _ = self._prefill(prompts)
            return first, first[:0]
        positions = prompt_positions(prompts)
        later = (positions[:, -1:] + 1 + jnp.arange(layout.length, dtype=jnp.int32))[:, None]
        later = jnp.broadcast_to(later, layout)
        mix = functools.partial(mix_prompts_and_answers, real=prompts != FILL, answers=layout)
        tokens = jnp.concatenate([prompts.reshape(-1), answers[..., :-1].reshape(-1).astype(prompts.dtype)])
        x, _ = self._run(tokens, jnp.concatenate([positions.reshape(-1), later.reshape(-1)]), mix)
        last = x[: prompts.size].reshape(*prompts.shape, -1)[:, -1]
        return self._normed(last), self._normed(x[prompts.size :])

    def _empty_cache(self, batch, candidates, horizon):
        c = self.config
        empty = jnp.zeros((c.layers, batch, c.kv_heads, candidates, max(1, horizon - 1), c.head_dim))
        return KeyValues(empty.astype(self.dtype), empty.astype(self.dtype))

    def _decode(self, prompts, prefix, state):
        """Read the last token of every answer; returns rows that predict the next, and the cache."""
        last = prompt_positions(prompts)[:, -1:] + state.drawn
        mix = functools.partial(mix_decoded, real=prompts != FILL, written=state.drawn - 1)
        positions = jnp.broadcast_to(last, state.tokens.shape).reshape(-1)
        x, new = self._run(state.tokens.reshape(-1), positions, mix, (prefix, state.written))
        written = (
            jax.lax.dynamic_update_slice_in_dim(old, added, state.drawn - 1, axis=4)
            for old, added in zip(state.written, new, strict=True)
        )
        return self._normed(x), KeyValues(*written)

    def _run(self, tokens, positions, mix, cache=None):
        """All layers on rows of tokens; `cache` has a leading axis for the layers."""
        by = rotation(positions, self.config.head_dim, self.config.rope_base)
        # Padding is embedded as some token, but nothing attends to it.
        x = jnp.take(self.embedding, tokens, axis=0, mode="clip").astype(self.dtype)

        def step(x, of_layer):
            layer, cache = of_layer
            return layer(x, by, mix if cache is None else functools.partial(mix, cache=cache))

        if self.checkpoint:
            step = jax.checkpoint(step, prevent_cse=False)
        return jax.lax.scan(step, x, (self.layers, cache))

    def _normed(self, x):
        return rms_norm(x, self.norm, self.config.norm_eps)

    def _check_length(self, length):
        if length > self.config.positions:
            raise ValueError(
                f"prompts and answers have {length} tokens, but the model has {self.config.positions} "
                "positions; shorten the prompts or the horizon"
            )

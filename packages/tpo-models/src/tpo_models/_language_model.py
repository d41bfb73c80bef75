"""A language model of the Llama family as a policy over answers to prompts."""

import functools
from typing import NamedTuple

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
    candidates, in sampling and in scoring. Methods take batches of `b` prompts with `k` candidates each.
    Prompts of different lengths are filled on the **left** with -1; what fills them changes nothing.

    **Arguments:**

    - `config`: the sizes.
    - `dtype`: the dtype of the computation, float32 or bfloat16. Parameters are cast to it where they are
        used, so that an optimizer moves float32 parameters; log-probs are float32.
    - `checkpoint`: whether the gradient computes every layer again instead of keeping what it has computed,
        which takes a third more time and a small part of the memory.
    - `key`: the key of the parameters.

    The arrays of `layers` have a leading axis for the layers, over which a scan runs. Kernels are initialized
    normal with variance `1 / fan_in`, embeddings with variance `1 / width`, norms one, biases zero.

    >>> import jax
    >>> sizes = {"vocab_size": 50, "width": 8, "layers": 2, "heads": 4, "kv_heads": 2, "head_dim": 2}
    >>> config = LanguageModelConfig(**sizes, mlp_width=16)
    >>> policy = LanguageModel(config, key=jax.random.key(0))
    >>> prompts = jax.numpy.array([[-1, 7, 8], [1, 2, 3]])
    >>> answers, log_probs = policy.sample(jax.random.key(1), prompts, 5, horizon=4, end=0)
    >>> answers.shape, policy.log_probs(prompts, answers).shape
    ((2, 5, 4), (2, 5, 4))

    Source: arXiv 2302.13971, with the details of its successors that `LanguageModelConfig` names.
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

        The logits of only a slice of the positions exist at once, in the gradient, too.
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
        - `prompts`: prompts `[b, p]`, filled on the left with -1.
        - `candidates`: answers to each prompt.
        - `horizon`: the most tokens in an answer.
        - `end`: the end token. Sampling stops when all answers have ended; after its first end token, an
            answer is filled with end tokens of log-prob 0. None by default: no answer ends early.
        - `temperature`: divides the logits. The number 0 decodes greedily: all candidates are the answer of
            the most probable tokens, with their log-probs at temperature 1.
        - `top_p`: above 0, at most 1; draws only from the most probable tokens whose probability reaches
            `top_p` together, at the temperature.

        **Returns:** the answers and the log-probs, `[b, k, horizon]`. Log-probs are those of the distribution
        that the token was drawn from, so at a temperature or with `top_p` they are not those of `log_probs`.

        **Raises:** `ValueError` if the prompts and the horizon exceed the model's positions, or `horizon`,
        `candidates`, `temperature` or `top_p` is out of its range.
        """
        self._check_length(prompts.shape[1] + horizon)
        _check_options(candidates, horizon, temperature, top_p)
        draw = functools.partial(draw_tokens, temperature=temperature, top_p=top_p)
        hidden, prefix = self._prefill(prompts)
        keys = jax.random.split(key, horizon)
        tokens, of_tokens = draw(keys[0], logits_of(hidden, self._head), candidates)
        state = _start(self, prompts, tokens.astype(prompts.dtype), of_tokens, horizon, end)

        def unfinished(state):
            more = state.drawn < horizon
            return more if end is None else more & jnp.any(state.tokens != end)

        def step(state):
            hidden, written = self._decode(prompts, prefix, state)
            tokens, of_tokens = draw(keys[state.drawn], logits_of(hidden, self._head), 1)
            tokens = tokens.reshape(state.tokens.shape).astype(prompts.dtype)
            return _advanced(state, tokens, of_tokens.reshape(tokens.shape), written, end)

        state = jax.lax.while_loop(unfinished, step, state)
        return jnp.moveaxis(state.answers, 0, -1), jnp.moveaxis(state.log_probs, 0, -1)

    @property
    def _head(self):
        return self.embedding if self.head is None else self.head

    def _prefill(self, prompts):
        """The last position of every prompt, and the keys and values of all layers."""
        mix = functools.partial(mix_prompts, real=prompts != FILL)
        x, prefix = self._run(prompts.reshape(-1), prompt_positions(prompts).reshape(-1), mix)
        return self._normed(x.reshape(*prompts.shape, -1)[:, -1]), prefix

    def _hidden(self, prompts, answers):
        """What predicts the first tokens of the answers, `b` rows, and the later ones, `b k (t - 1)` rows."""
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

    def _decode(self, prompts, prefix, state):
        """Read the last token of every answer: what predicts the next one, and the extended cache."""
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
        # The filler is embedded as some token, and nothing reads it.
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


class _Decoding(NamedTuple):
    """The answers so far, `drawn` tokens of each."""

    drawn: Int[Array, ""]
    tokens: Int[Array, "b k"]
    written: KeyValues
    answers: Int[Array, "h b k"]
    log_probs: Float[Array, "h b k"]


def _start(model, prompts, tokens, of_tokens, horizon, end):
    c = model.config
    empty = jnp.zeros((c.layers, len(prompts), c.kv_heads, tokens.shape[1], max(1, horizon - 1), c.head_dim))
    written = KeyValues(empty.astype(model.dtype), empty.astype(model.dtype))
    answers = jnp.full((horizon, *tokens.shape), 0 if end is None else end, tokens.dtype).at[0].set(tokens)
    log_probs = jnp.zeros(answers.shape, of_tokens.dtype).at[0].set(of_tokens)
    return _Decoding(jnp.int32(1), tokens, written, answers, log_probs)


def _advanced(state, tokens, of_tokens, written, end):
    if end is not None:
        ended = state.tokens == end
        tokens, of_tokens = jnp.where(ended, end, tokens), jnp.where(ended, 0.0, of_tokens)
    answers = state.answers.at[state.drawn].set(tokens)
    log_probs = state.log_probs.at[state.drawn].set(of_tokens)
    return _Decoding(state.drawn + 1, tokens, written, answers, log_probs)


def _check_options(candidates, horizon, temperature, top_p):
    for name, size in (("candidates", candidates), ("horizon", horizon)):
        if size < 1:
            raise ValueError(f"{name} is {size}, but it must be at least 1")
    if isinstance(temperature, int | float) and not 0 <= temperature < float("inf"):
        raise ValueError(f"temperature is {temperature}, but it must be at least 0 and finite")
    if isinstance(top_p, int | float) and not 0 < top_p <= 1:
        raise ValueError(f"top_p is {top_p}, but it must be above 0 and at most 1")

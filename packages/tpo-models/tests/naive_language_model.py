"""The language model with nothing shared, cached, stacked or sliced: the oracle of the fast paths.

It reads the parameters of a `LanguageModel` and recomputes one sequence without fillers at a time.
"""

import jax
import jax.numpy as jnp


def rms_norm(x, weight, eps):
    return x / jnp.sqrt((x**2).mean(-1, keepdims=True) + eps) * weight


def rotate(x, base):
    """The vectors `x[t, head_dim]` turned by their positions; pairs of coordinates are complex numbers."""
    half = x.shape[-1] // 2
    positions, plane = (jnp.arange(size, dtype=jnp.float32) for size in (len(x), half))
    angles = positions[:, None] * base ** (-plane / half)
    turned = jax.lax.complex(x[:, :half], x[:, half:]) * jax.lax.complex(jnp.cos(angles), jnp.sin(angles))
    return jnp.concatenate([turned.real, turned.imag], axis=-1)


def linear(layer, x):
    kernel = layer.kernel
    if layer.low_rank is not None:
        kernel = kernel + layer.low_rank.scale * layer.low_rank.up @ layer.low_rank.down
    return x @ kernel.T if layer.bias is None else x @ kernel.T + layer.bias


def attention(layer, x, config):
    queries, keys, values = (
        linear(of, x).reshape(len(x), -1, config.head_dim) for of in (layer.query, layer.key, layer.value)
    )
    if config.qk_norms:
        queries = rms_norm(queries, layer.query_norm, config.norm_eps)
        keys = rms_norm(keys, layer.key_norm, config.norm_eps)
    turn = jax.vmap(lambda x: rotate(x, config.rope_base), in_axes=1, out_axes=1)
    queries, keys = turn(queries), turn(keys)
    keys, values = (jnp.repeat(of, config.heads // config.kv_heads, axis=1) for of in (keys, values))
    logits = jnp.einsum("tnh,snh->nts", queries, keys) / config.head_dim**0.5
    future = jnp.arange(len(x))[None] > jnp.arange(len(x))[:, None]
    weights = jax.nn.softmax(jnp.where(future, -jnp.inf, logits))
    return linear(layer.out, jnp.einsum("nts,snh->tnh", weights, values).reshape(len(x), -1))


def log_softmax_everywhere(model, sequence):
    """The log-probs of the next token after every position of one sequence `[t]`."""
    config = model.config
    x = model.embedding[sequence]
    for index in range(config.layers):
        layer = jax.tree.map(lambda leaf: leaf[index], model.layers)  # noqa: B023
        x = x + attention(layer, rms_norm(x, layer.attention_norm, config.norm_eps), config)
        normed = rms_norm(x, layer.mlp_norm, config.norm_eps)
        gate = linear(layer.gate, normed)
        x = x + linear(layer.down, gate / (1 + jnp.exp(-gate)) * linear(layer.up, normed))
    head = model.embedding if model.head is None else model.head
    logits = rms_norm(x, model.norm, config.norm_eps) @ head.T
    return logits - jax.scipy.special.logsumexp(logits, axis=-1, keepdims=True)


def answer_log_softmax(model, prompts, answers):
    """The log-probs of every token at every answer position; prompts are lists without fillers."""
    rows = []
    for prompt, group in zip(prompts, answers, strict=True):
        sequences = jnp.stack([jnp.concatenate([jnp.array(prompt), answer]) for answer in group])
        everywhere = jax.vmap(lambda sequence: log_softmax_everywhere(model, sequence))(sequences)
        rows.append(everywhere[:, len(prompt) - 1 : -1])
    return jnp.stack(rows)


def log_probs(model, prompts, answers):
    every = answer_log_softmax(model, prompts, answers)
    return jnp.take_along_axis(every, answers[..., None], axis=-1)[..., 0]

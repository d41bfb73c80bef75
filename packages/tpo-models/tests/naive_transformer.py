"""The causal transformer with nothing shared and nothing cached: the oracle of the fast paths.

It reads the parameters of a `CausalTransformer` and recomputes the whole sequence of every candidate.
"""

import jax
import jax.numpy as jnp


def layer_norm(norm, x):
    centred = x - x.mean(-1, keepdims=True)
    return centred / jnp.sqrt((centred**2).mean(-1, keepdims=True) + 1e-6) * norm.weight + norm.bias


def attention(layer, x):
    queries = jnp.einsum("td,dnh->tnh", x, layer.query) + layer.query_bias
    keys = jnp.einsum("td,dnh->tnh", x, layer.key) + layer.key_bias
    values = jnp.einsum("td,dnh->tnh", x, layer.value) + layer.value_bias
    logits = jnp.einsum("tnh,snh->nts", queries, keys) / queries.shape[-1] ** 0.5
    future = jnp.arange(len(x))[None] > jnp.arange(len(x))[:, None]
    weights = jax.nn.softmax(jnp.where(future, -jnp.inf, logits), axis=-1)
    return jnp.einsum("tnh,nhd->td", jnp.einsum("nts,snh->tnh", weights, values), layer.out) + layer.out_bias


def gelu(x):
    return 0.5 * x * (1 + jnp.tanh((2 / jnp.pi) ** 0.5 * (x + 0.044715 * x**3)))


def log_softmax_everywhere(policy, sequence):
    """The log-probs of the next token after every position of one sequence `[t]`."""
    x = policy.token_embedding[sequence] + policy.position_embedding[: len(sequence)]
    for block in policy.blocks:
        x = x + attention(block.attention, layer_norm(block.attention_norm, x))
        hidden = gelu(layer_norm(block.mlp_norm, x) @ block.mlp_in.kernel + block.mlp_in.bias)
        x = x + hidden @ block.mlp_out.kernel + block.mlp_out.bias
    logits = layer_norm(policy.norm, x) @ policy.head.kernel + policy.head.bias
    return logits - jax.scipy.special.logsumexp(logits, axis=-1, keepdims=True)


def answer_log_softmax(policy, prompts, answers):
    """The log-probs of every token at every answer position: prompts `[b, h]`, answers `[b, k, t]`."""
    repeated = jnp.broadcast_to(prompts[:, None], (*answers.shape[:2], prompts.shape[1]))
    sequences = jnp.concatenate([repeated, answers], axis=-1)
    everywhere = jax.vmap(jax.vmap(lambda s: log_softmax_everywhere(policy, s)))(sequences)
    return everywhere[:, :, prompts.shape[1] - 1 : -1]


def log_probs(policy, prompts, answers):
    every = answer_log_softmax(policy, prompts, answers)
    return jnp.take_along_axis(every, answers[..., None], axis=-1)[..., 0]


def sample(policy, key, prompts, candidates):
    """Sample token by token, each from the whole sequence so far; the key is used as in the fast path."""
    answers = jnp.zeros((len(prompts), candidates, 0), dtype=prompts.dtype)
    for step_key in jax.random.split(key, prompts.shape[1]):
        padded = jnp.concatenate(
            [answers, jnp.zeros_like(answers[..., :1], shape=(*answers.shape[:2], 1))], -1
        )
        logits = answer_log_softmax(policy, prompts, padded)[:, :, -1]
        answers = jnp.concatenate([answers, jax.random.categorical(step_key, logits)[..., None]], axis=-1)
    return answers, log_probs(policy, prompts, answers)

"""The names of a language model's parameters in files, and the model read from such a file."""

from collections.abc import Callable, Iterator, Mapping

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import DTypeLike

from ._language_config import LanguageModelConfig
from ._language_model import LanguageModel

# Maps the place in a model to the name in a file; the layer number replaces {}.
HUGGING_FACE = {
    ".embedding": "model.embed_tokens.weight",
    ".norm": "model.norm.weight",
    ".head": "lm_head.weight",
    ".layers.attention_norm": "model.layers.{}.input_layernorm.weight",
    ".layers.mlp_norm": "model.layers.{}.post_attention_layernorm.weight",
    ".layers.query_norm": "model.layers.{}.self_attn.q_norm.weight",
    ".layers.key_norm": "model.layers.{}.self_attn.k_norm.weight",
    ".layers.query.kernel": "model.layers.{}.self_attn.q_proj.weight",
    ".layers.key.kernel": "model.layers.{}.self_attn.k_proj.weight",
    ".layers.value.kernel": "model.layers.{}.self_attn.v_proj.weight",
    ".layers.query.bias": "model.layers.{}.self_attn.q_proj.bias",
    ".layers.key.bias": "model.layers.{}.self_attn.k_proj.bias",
    ".layers.value.bias": "model.layers.{}.self_attn.v_proj.bias",
    ".layers.out.kernel": "model.layers.{}.self_attn.o_proj.weight",
    ".layers.gate.kernel": "model.layers.{}.mlp.gate_proj.weight",
    ".layers.up.kernel": "model.layers.{}.mlp.up_proj.weight",
    ".layers.down.kernel": "model.layers.{}.mlp.down_proj.weight",
}
GGUF = {
    ".embedding": "token_embd.weight",
    ".norm": "output_norm.weight",
    ".head": "output.weight",
    ".layers.attention_norm": "blk.{}.attn_norm.weight",
    ".layers.mlp_norm": "blk.{}.ffn_norm.weight",
    ".layers.query.kernel": "blk.{}.attn_q.weight",
    ".layers.key.kernel": "blk.{}.attn_k.weight",
    ".layers.value.kernel": "blk.{}.attn_v.weight",
    ".layers.out.kernel": "blk.{}.attn_output.weight",
    ".layers.gate.kernel": "blk.{}.ffn_gate.weight",
    ".layers.up.kernel": "blk.{}.ffn_up.weight",
    ".layers.down.kernel": "blk.{}.ffn_down.weight",
}


def model_from(
    config: LanguageModelConfig,
    read: Callable[[str], np.ndarray],
    names: Mapping[str, str],
    place: str,
    *,
    dtype: DTypeLike,
    stored: DTypeLike,
) -> LanguageModel:
    """The model with the tensors that `read` returns by name; `place` is the file, for messages."""
    template = eqx.filter_eval_shape(
        lambda key: LanguageModel(config, dtype=dtype, key=key),
        jax.ShapeDtypeStruct((), jax.random.key(0).dtype),
    )

    def load(path, leaf):
        pattern = names[jax.tree_util.keystr(path)]
        if "{}" not in pattern:
            return jnp.asarray(_checked(read(pattern), leaf.shape, pattern, place).astype(stored))
        whole = np.empty(leaf.shape, stored)
        for layer in range(config.layers):
            name = pattern.format(layer)
            whole[layer] = _checked(read(name), leaf.shape[1:], name, place)
        return jnp.asarray(whole)

    return jax.tree_util.tree_map_with_path(load, template)


def named_tensors(model: LanguageModel) -> Iterator[tuple[str, np.ndarray]]:
    """Every parameter by its name in a Hugging Face file."""
    for path, leaf in jax.tree_util.tree_leaves_with_path(model):
        pattern = HUGGING_FACE[jax.tree_util.keystr(path)]
        if "{}" not in pattern:
            yield pattern, np.asarray(leaf)
            continue
        yield from ((pattern.format(layer), array) for layer, array in enumerate(np.asarray(leaf)))


def _checked(tensor, shape, name, place):
    if tensor.shape != tuple(shape):
        raise ValueError(
            f"{place}: tensor {name!r} has the shape {tensor.shape}, but the sizes of the model need "
            f"{tuple(shape)}; the file does not belong to its own config"
        )
    return tensor

"""Reads and writes the config of a Hugging Face folder."""

import json
from pathlib import Path
from typing import Any

from ._language_config import LanguageModelConfig

# What distinguishes the supported architectures.
ARCHITECTURES = {
    "LlamaForCausalLM": {},
    "Qwen2ForCausalLM": {"qkv_biases": True},
    "Qwen3ForCausalLM": {"qk_norms": True},
}
# Options that change the function, with the value that this package supports.
EXPECTED = {
    "hidden_act": "silu",
    "attention_bias": False,
    "mlp_bias": False,
    "use_sliding_window": False,
    "quantization_config": None,
}


def read_json(file: Path) -> dict[str, Any]:
    """The object in a file, or an error that names the file."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{file} is not valid JSON ({error}); download it again") from None
    if not isinstance(found, dict):
        raise ValueError(f"{file} holds a {type(found).__name__}; expected a JSON object")
    return found


def read_config(folder: Path) -> LanguageModelConfig:
    """The sizes in `config.json`.

    **Raises:** `FileNotFoundError` if there is no such file. `ValueError` if it describes another
    architecture or an option that this package does not support.
    """
    file = folder / "config.json"
    if not file.is_file():
        raise FileNotFoundError(f"{folder} has no config.json; expected the folder of a Hugging Face model")
    found = read_json(file)
    architecture = (found.get("architectures") or [None])[0]
    if architecture not in ARCHITECTURES:
        raise ValueError(f"{file}: architecture {architecture}; expected one of {', '.join(ARCHITECTURES)}")
    for option, expected in EXPECTED.items():
        if found.get(option, expected) != expected:
            raise ValueError(f"{file}: {option} is {found[option]!r}, but only {expected!r} is supported")
    try:
        return _sizes(found, file, **ARCHITECTURES[architecture])
    except KeyError as error:
        raise ValueError(f"{file} lacks {error}; download it again") from None


def _sizes(found, file, **details):
    heads = found["num_attention_heads"]
    return LanguageModelConfig(
        vocab_size=found["vocab_size"],
        width=found["hidden_size"],
        layers=found["num_hidden_layers"],
        heads=heads,
        kv_heads=found.get("num_key_value_heads") or heads,
        head_dim=found.get("head_dim") or found["hidden_size"] // heads,
        mlp_width=found["intermediate_size"],
        rope_base=_rope_base(found, file),
        norm_eps=found["rms_norm_eps"],
        tied_head=found.get("tie_word_embeddings", False),
        positions=found["max_position_embeddings"],
        **details,
    )


def _rope_base(found, file):
    rope = found.get("rope_parameters") or found.get("rope_scaling") or {}
    kind = rope.get("rope_type", rope.get("type", "default"))
    if kind != "default":
        raise ValueError(f"{file}: rotary embeddings are scaled by {kind!r}, which is not supported")
    return float(rope.get("rope_theta", found.get("rope_theta", 10_000.0)))


def config_json(config: LanguageModelConfig, end: int, dtype: str) -> dict[str, Any]:
    """The content of `config.json` for a model.

    **Raises:** `ValueError` if no supported architecture has both biases and norms of queries and keys.
    """
    details = {name: True for name in ("qkv_biases", "qk_norms") if getattr(config, name)}
    fitting = [name for name, of_it in ARCHITECTURES.items() if of_it == details]
    if not fitting:
        raise ValueError(
            "qkv_biases and qk_norms are both on; a Hugging Face architecture has only one of them, "
            "so this model cannot be saved in its format"
        )
    return {
        "architectures": fitting,
        "model_type": fitting[0].removesuffix("ForCausalLM").lower(),
        "vocab_size": config.vocab_size,
        "hidden_size": config.width,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "num_key_value_heads": config.kv_heads,
        "head_dim": config.head_dim,
        "intermediate_size": config.mlp_width,
        "hidden_act": "silu",
        "rope_theta": config.rope_base,
        "rms_norm_eps": config.norm_eps,
        "tie_word_embeddings": config.tied_head,
        "max_position_embeddings": config.positions,
        "bos_token_id": None,
        "eos_token_id": end,
        "dtype": dtype,
        "torch_dtype": dtype,
    }

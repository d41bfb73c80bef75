"""Saves a language model, or only its adapters, for other libraries."""

import json
import math
import re
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from ._extras import extra
from ._hugging_face import config_json
from ._language_model import LanguageModel
from ._lora import TARGETS, merged
from ._parameter_names import HUGGING_FACE, named_tensors
from ._tokenizer import Tokenizer


def save_language_model(folder: str | PathLike[str], model: LanguageModel, tokenizer: Tokenizer) -> None:
    """Write a Hugging Face folder, which `transformers` and `load_language_model` read.

    The folder contains `config.json`, `generation_config.json`, `model.safetensors`, `tokenizer.json` and
    `tokenizer_config.json`. Adapters are merged, and parameters keep their stored dtype. This needs
    `pip install 'tpo-models[lm]'`.

    **Arguments:**

    - `folder`: a new or empty folder.
    - `model`: the model.
    - `tokenizer`: its tokenizer.

    **Raises:** `FileExistsError` if the folder is not empty. `ValueError` if no Hugging Face architecture
    fits the model.
    """
    model = merged(model)
    config = config_json(model.config, tokenizer.end, str(model.embedding.dtype))
    folder = _empty(folder)
    tensors = {name: np.ascontiguousarray(array) for name, array in named_tensors(model)}
    extra("safetensors.numpy", "saving a language model").save_file(
        tensors, folder / "model.safetensors", metadata={"format": "pt"}
    )
    _write(folder / "config.json", config)
    _write(folder / "generation_config.json", {"eos_token_id": tokenizer.end})
    tokenizer.backend.save(str(folder / "tokenizer.json"))
    settings: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": tokenizer.backend.id_to_token(tokenizer.end),
        "model_max_length": model.config.positions,
        "clean_up_tokenization_spaces": False,
    }
    if tokenizer.template is not None:
        settings["chat_template"] = tokenizer.template
    _write(folder / "tokenizer_config.json", settings)


def save_adapter(folder: str | PathLike[str], model: LanguageModel, *, base: str = "") -> None:
    """Write the adapters of a model in the format of PEFT.

    The files are `adapter_config.json` and `adapter_model.safetensors`. This needs
    `pip install 'tpo-models[lm]'`.

    **Arguments:**

    - `folder`: a new or empty folder.
    - `model`: a model from `with_lora`.
    - `base`: the name or folder of the model that the adapters belong to, for PEFT.

    **Raises:** `FileExistsError` if the folder is not empty. `ValueError` if the model has no adapters.
    """
    adapters = {name: getattr(model.layers, name).low_rank for name in TARGETS}
    adapters = {name: adapter for name, adapter in adapters.items() if adapter is not None}
    if not adapters:
        raise ValueError("the model has no adapters; save it with save_language_model")
    folder = _empty(folder)
    tensors, modules = {}, []
    for name, adapter in adapters.items():
        place = HUGGING_FACE[f".layers.{name}.kernel"].removesuffix(".weight")
        modules.append(re.sub(r".*\.", "", place))
        for layer in range(model.config.layers):
            prefix = f"base_model.model.{place.format(layer)}"
            tensors[f"{prefix}.lora_A.weight"] = np.ascontiguousarray(adapter.down[layer])
            tensors[f"{prefix}.lora_B.weight"] = np.ascontiguousarray(adapter.up[layer])
    extra("safetensors.numpy", "saving an adapter").save_file(
        tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"}
    )
    first = next(iter(adapters.values()))
    rank = first.down.shape[1]
    alpha = first.scale * rank
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base,
        "r": rank,
        "lora_alpha": round(alpha) if math.isclose(alpha, round(alpha)) else alpha,
        "lora_dropout": 0.0,
        "bias": "none",
        "target_modules": modules,
        "inference_mode": True,
    }
    _write(folder / "adapter_config.json", config)


def _empty(folder):
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder} exists and is not empty; choose another folder")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _write(file, content):
    file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")

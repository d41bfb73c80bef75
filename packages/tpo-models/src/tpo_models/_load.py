"""Loads a language model and its tokenizer."""

from os import PathLike
from pathlib import Path

import jax.numpy as jnp
from numpy.typing import DTypeLike

from ._gguf_file import GGUFFile
from ._hugging_face import read_config
from ._language_model import LanguageModel
from ._parameter_names import GGUF, HUGGING_FACE, model_from
from ._safetensors import tensor_reader
from ._tokenizer import Tokenizer


def load_language_model(
    path: str | PathLike[str], *, dtype: DTypeLike = jnp.float32, stored: DTypeLike = jnp.float32
) -> tuple[LanguageModel, Tokenizer]:
    """A pretrained language model and its tokenizer, from a GGUF file or a Hugging Face folder.

    Llama models, including SmolLM2, can be read from both, and Qwen2 and Qwen3 from folders. No file is read
    as a pickle, and nothing is downloaded. This needs `pip install 'tpo-models[lm]'`.

    **Arguments:**

    - `path`: a `.gguf` file, whose quantized weights are expanded, or a folder with `config.json`,
        `tokenizer.json` and `*.safetensors`.
    - `dtype`: the dtype of the computation, float32 or bfloat16.
    - `stored`: the dtype of the parameters. Parameters that are trained should stay float32.

    **Returns:** the model and its tokenizer.

    **Raises:** `FileNotFoundError` if a file is missing. `ValueError` if a file is damaged, a tensor is
    missing or has the wrong shape, the architecture is not supported, or the tokenizer belongs to another
    vocabulary. `ImportError` if the extra is not installed.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; expected a .gguf file or the folder of a model")
    dtypes = {"dtype": dtype, "stored": stored}
    if path.is_file():
        file = GGUFFile(path)
        config, tokenizer = file.config(), Tokenizer.from_gguf(file)
        model = model_from(config, file.reader(config), GGUF, str(path), **dtypes)
    else:
        config, tokenizer = read_config(path), Tokenizer.from_folder(path)
        model = model_from(config, tensor_reader(path), HUGGING_FACE, str(path), **dtypes)
    if tokenizer.size > config.vocab_size:
        raise ValueError(
            f"{path}: the tokenizer has {tokenizer.size} tokens, but the model {config.vocab_size}; "
            "it is the tokenizer of another model"
        )
    return model, tokenizer

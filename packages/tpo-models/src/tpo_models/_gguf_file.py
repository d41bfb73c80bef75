"""Config and tensors of a GGUF file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ._extras import extra
from ._language_config import LanguageModelConfig


class GGUFFile:
    """An opened GGUF file of the Llama architecture.

    **Raises:** `ValueError` if the file is damaged or truncated, or contains another architecture.
    """

    def __init__(self, path: Path):
        gguf = extra("gguf", "loading a GGUF file")
        self.path = path
        try:
            reader = gguf.GGUFReader(path)
        except (ValueError, IndexError, KeyError, OverflowError, UnicodeDecodeError) as error:
            raise ValueError(f"{path} is not a complete GGUF file ({error}); download it again") from None
        self._fields = reader.fields
        self._tensors = {tensor.name: tensor for tensor in reader.tensors}
        architecture = self.value("general.architecture")
        if architecture != "llama":
            raise ValueError(
                f"{path}: architecture {architecture!r}; expected 'llama'. "
                "Load other models from their Hugging Face folder"
            )

    def value(self, name: str, default: Any = None) -> Any:
        """The value of a field, or the default."""
        return self._fields[name].contents() if name in self._fields else default

    def needed(self, name: str) -> Any:
        """The value of a required field."""
        if name not in self._fields:
            raise ValueError(f"{self.path} lacks the field {name!r}; convert the model to GGUF again")
        return self.value(name)

    def config(self) -> LanguageModelConfig:
        """The sizes of the model."""
        scaling = self.value("llama.rope.scaling.type", "none")
        if scaling != "none" or "rope_freqs.weight" in self._tensors:
            raise ValueError(f"{self.path}: scaled rotary embeddings ({scaling}) are not supported")
        width, heads = self.needed("llama.embedding_length"), self.needed("llama.attention.head_count")
        return LanguageModelConfig(
            vocab_size=len(self.needed("tokenizer.ggml.tokens")),
            width=width,
            layers=self.needed("llama.block_count"),
            heads=heads,
            kv_heads=self.value("llama.attention.head_count_kv", heads),
            head_dim=self.value("llama.attention.key_length", width // heads),
            mlp_width=self.needed("llama.feed_forward_length"),
            rope_base=self.value("llama.rope.freq_base", 10_000.0),
            # Recover the decimal number that was written from its float32, such as 9.999999747e-06.
            norm_eps=float(str(np.float32(self.needed("llama.attention.layer_norm_rms_epsilon")))),
            tied_head="output.weight" not in self._tensors,
            positions=self.needed("llama.context_length"),
        )

    def reader(self, config: LanguageModelConfig) -> Callable[[str], np.ndarray]:
        """A function that reads a tensor by name, as float32."""
        quants = extra("gguf.quants", "loading a GGUF file")

        def read(name: str) -> np.ndarray:
            if name not in self._tensors:
                raise ValueError(f"{self.path}: tensor {name!r} is missing; convert the model to GGUF again")
            tensor = self._tensors[name]
            try:
                array = quants.dequantize(tensor.data, tensor.tensor_type)
            except NotImplementedError:
                raise ValueError(
                    f"{self.path}: tensor {name!r} has the type {tensor.tensor_type.name}, which the gguf "
                    "library cannot read; use a file with another quantization"
                ) from None
            if ".attn_q." in name or ".attn_k." in name:
                return _halves(array, config.head_dim)
            return array

        return read


def _halves(kernel, head_dim):
    """Reorder the rows of a head into halves; GGUF interleaves the two coordinates of each rotated plane."""
    if kernel.shape[0] % head_dim:
        return kernel
    return kernel.reshape(-1, head_dim // 2, 2, kernel.shape[1]).swapaxes(1, 2).reshape(kernel.shape)

"""Initial language models and their tokenizers."""

from collections.abc import Iterable, Sequence
from typing import Any

import jax
from jaxtyping import PRNGKeyArray

LoRA = Sequence[tuple[str, Any]]
BYTES = 256


def adapted_model(model: Any, *, lora: LoRA = (), key: PRNGKeyArray) -> Any:
    """A `tpo_models.LanguageModel`, with adapters if `lora` has keywords of `with_lora`."""
    from tpo_models import with_lora

    return with_lora(model, **dict(lora), key=key) if lora else model


def random_model(*, dtype: str = "float32", lora: LoRA = (), key: PRNGKeyArray) -> Any:
    """A tiny language model of bytes, with random parameters."""
    from tpo_models import LanguageModel, LanguageModelConfig

    config = LanguageModelConfig(
        vocab_size=BYTES + 1, width=32, layers=2, heads=4, kv_heads=2, head_dim=8, mlp_width=64
    )
    model_key, lora_key = jax.random.split(key)
    return adapted_model(LanguageModel(config, dtype=dtype, key=model_key), lora=lora, key=lora_key)


class ByteTokenizer:
    """The bytes of a text in UTF-8, and an end token."""

    end = BYTES

    def encode(self, text: str) -> list[int]:
        """The bytes of a text."""
        return list(text.encode("utf-8", "replace"))

    def decode(self, ids: Iterable[Any]) -> str:
        """The text of bytes. Ids that are not bytes are left out; invalid UTF-8 is replaced."""
        return bytes(int(i) for i in ids if 0 <= i < BYTES).decode("utf-8", "replace")

    def token(self, text: str) -> int:
        """The byte of a one-byte text."""
        (byte,) = self.encode(text)
        return byte


class ChatTokenizer:
    """A tokenizer that puts each text into the chat template of its model as a user message."""

    def __init__(self, tokenizer: Any):
        self._tokenizer = tokenizer

    def encode(self, text: str) -> list[int]:
        """The tokens of a conversation with this message, up to the beginning of the answer."""
        return self._tokenizer.encode(self._tokenizer.chat([{"role": "user", "content": text}]))

    def decode(self, ids: Iterable[Any]) -> str:
        """The text of tokens."""
        return self._tokenizer.decode(ids)

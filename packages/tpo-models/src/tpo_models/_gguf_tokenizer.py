"""The tokenizer of a GGUF file, from its vocabulary and merges."""

from typing import TYPE_CHECKING, Any

from ._extras import extra

if TYPE_CHECKING:
    from ._gguf_file import GGUFFile

CONTROL, USER_DEFINED = 3, 4


def gguf_backend(file: "GGUFFile") -> Any:
    """A `tokenizers.Tokenizer` with byte-level BPE.

    **Raises:** `ValueError` if the file has another kind of tokenizer.
    """
    kind, pre = file.value("tokenizer.ggml.model"), file.value("tokenizer.ggml.pre")
    if (kind, pre) != ("gpt2", "smollm"):
        raise ValueError(
            f"{file.path}: the tokenizer is {kind!r} with the pre-tokenizer {pre!r}; "
            "expected 'gpt2' with 'smollm'. Load the model from its Hugging Face folder"
        )
    tokenizers = extra("tokenizers", "a tokenizer")
    tokens = file.needed("tokenizer.ggml.tokens")
    merges = [tuple(merge.split(" ", 1)) for merge in file.needed("tokenizer.ggml.merges")]
    model = tokenizers.models.BPE({token: i for i, token in enumerate(tokens)}, merges)
    backend = tokenizers.Tokenizer(model)
    backend.pre_tokenizer = tokenizers.pre_tokenizers.Sequence(
        [
            tokenizers.pre_tokenizers.Digits(individual_digits=True),
            tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    backend.decoder = tokenizers.decoders.ByteLevel()
    kinds = file.value("tokenizer.ggml.token_type", [])
    special = [token for token, kind in zip(tokens, kinds, strict=False) if kind == CONTROL]
    added = [token for token, kind in zip(tokens, kinds, strict=False) if kind == USER_DEFINED]
    backend.add_tokens([tokenizers.AddedToken(token, normalized=False) for token in added])
    backend.add_special_tokens([tokenizers.AddedToken(token, normalized=False) for token in special])
    return backend

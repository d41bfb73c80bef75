"""Converts between texts and tokens."""

from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Array, Int

from ._extras import extra
from ._gguf_tokenizer import gguf_backend
from ._hugging_face import read_json

if TYPE_CHECKING:
    from ._gguf_file import GGUFFile


class Tokenizer:
    """Turns texts into tokens and back, with the end token and the chat template of a model.

    **Arguments:**

    - `backend`: a `tokenizers.Tokenizer`.
    - `end`: the id of the token that ends an answer.
    - `template`: the chat template, in Jinja2; None if the model has none.

    This needs `pip install 'tpo-models[lm]'`.

    Source: the formats of Hugging Face's `tokenizers` and of `chat_template` in `transformers`.
    """

    def __init__(self, backend: Any, *, end: int, template: str | None = None):
        self.backend = backend
        self.end = end
        self.template = template

    @classmethod
    def from_folder(cls, folder: str | PathLike[str]) -> "Tokenizer":
        """The tokenizer of a Hugging Face folder: `tokenizer.json`, `tokenizer_config.json`.

        **Raises:** `FileNotFoundError` if there is no `tokenizer.json`, `ValueError` if it is damaged or no
        file names the end token.
        """
        folder = Path(folder)
        file = folder / "tokenizer.json"
        if not file.is_file():
            raise FileNotFoundError(f"{folder} has no tokenizer.json; save the tokenizer with `transformers`")
        tokenizers = extra("tokenizers", "a tokenizer")
        try:
            backend = tokenizers.Tokenizer.from_file(str(file))
        except Exception as error:  # the library raises no more specific error
            raise ValueError(f"{file} is not a valid tokenizer ({error}); download it again") from None
        settings = _optional(folder / "tokenizer_config.json")
        template = settings.get("chat_template")
        if (folder / "chat_template.jinja").is_file():
            template = (folder / "chat_template.jinja").read_text(encoding="utf-8")
        return cls(backend, end=_end(folder, backend, settings), template=template)

    @classmethod
    def from_gguf(cls, file: "GGUFFile") -> "Tokenizer":
        """The tokenizer in a GGUF file."""
        end = file.needed("tokenizer.ggml.eos_token_id")
        return cls(gguf_backend(file), end=end, template=file.value("tokenizer.chat_template"))

    @property
    def size(self) -> int:
        """One more than the largest id."""
        return max(self.backend.get_vocab(with_added_tokens=True).values()) + 1

    def encode(self, text: str) -> list[int]:
        """The tokens of a text, without additional ones. Special tokens in the text become their ids."""
        return self.backend.encode(text, add_special_tokens=False).ids

    def decode(
        self, ids: Iterable[int] | Int[Array, " n"] | Int[np.ndarray, " n"], *, skip_special: bool = True
    ) -> str:
        """The text of tokens, by default without special tokens. Unknown ids are left out."""
        known = [int(i) for i in np.asarray(list(ids)).ravel() if 0 <= int(i) < 2**32]
        return self.backend.decode(known, skip_special_tokens=skip_special)

    def token(self, text: str) -> int:
        """The id of the single token of a text.

        **Raises:** `ValueError` if the text does not have exactly one token; the message lists its tokens.
        """
        ids = self.encode(text)
        if len(ids) != 1:
            pieces = [self.backend.id_to_token(i) for i in ids]
            raise ValueError(
                f"{text!r} is {len(ids)} tokens {pieces}, but one was expected; choose another text"
            )
        return ids[0]

    def chat(self, messages: Sequence[Mapping[str, str]], *, answer: bool = True) -> str:
        """A conversation in the format that the model was trained on.

        **Arguments:**

        - `messages`: each with a `role`, such as `"user"`, and a `content`.
        - `answer`: whether to append the beginning of the assistant's answer.

        **Raises:** `ValueError` if the model has no chat template or it fails.
        """
        if self.template is None:
            raise ValueError(
                "this tokenizer has no chat template; use an instruction-tuned model, or pass a template"
            )
        jinja2 = extra("jinja2", "a chat template")
        sandbox = extra("jinja2.sandbox", "a chat template")
        # A template is part of a downloaded file, so it must not access anything but its arguments.
        environment = sandbox.ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
        environment.globals["raise_exception"] = _refuse
        special = {"eos_token": self.backend.id_to_token(self.end), "bos_token": ""}
        try:
            template = environment.from_string(self.template)
            return template.render(messages=list(messages), add_generation_prompt=answer, **special)
        except jinja2.TemplateError as error:
            raise ValueError(f"the chat template of the model fails: {error}") from None


def _refuse(message):
    import jinja2

    raise jinja2.TemplateError(message)


def _optional(file):
    return read_json(file) if file.is_file() else {}


def _end(folder, backend, settings):
    """The end token, from its text in `tokenizer_config.json` or its id in the configs of the model."""
    text = settings.get("eos_token")
    if isinstance(text, dict):
        text = text.get("content")
    if text is not None and (end := backend.token_to_id(text)) is not None:
        return end
    for name in ("generation_config.json", "config.json"):
        end = _optional(folder / name).get("eos_token_id")
        end = end[0] if isinstance(end, list) and end else end
        if isinstance(end, int):
            return end
    raise ValueError(f'{folder} names no end token; add "eos_token" to its tokenizer_config.json')

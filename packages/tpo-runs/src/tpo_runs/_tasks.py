"""The tasks by kind, and the sizes that they ask of a policy."""

import functools
import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np

from tpo_envs import (
    AbstractTokenTask,
    BracketTask,
    ClassificationBandit,
    ContextTable,
    DatasetError,
    ImageDataset,
    MultiTurnTask,
    NoisyVerifier,
    TokenTask,
    load_dataset,
    symmetric_bandit,
)

from ._config_error import ConfigError


@functools.lru_cache(maxsize=4)
def data_hash(dataset: str, directory: str | None) -> str:
    """The SHA-256 of all images and labels of a data set, wherever it lies.

    Raises:
        ConfigError: the data set cannot be had.
    """
    data = _loaded(dataset, directory)
    total = hashlib.sha256()
    for array in (data.train_images, data.train_labels, data.test_images, data.test_labels):
        total.update(np.ascontiguousarray(array).data)
    return total.hexdigest()


@functools.lru_cache(maxsize=4)
def image_bandits(dataset: str, directory: str | None) -> tuple[ClassificationBandit, ClassificationBandit]:
    """The training and the test images of a data set, on the device once for all cells.

    Raises:
        ConfigError: the data set cannot be had.
    """
    data = _loaded(dataset, directory)
    return (
        ClassificationBandit(data.train_images, data.train_labels, data.num_classes),
        ClassificationBandit(data.test_images, data.test_labels, data.num_classes),
    )


def _loaded(dataset: str, directory: str | None) -> ImageDataset:
    try:
        return load_dataset(dataset, directory=directory)
    except DatasetError as error:
        raise ConfigError([f"task.dataset = {dataset!r}: {error}"]) from None


def _training_images(*, dataset: str, directory: str | None) -> ClassificationBandit:
    return image_bandits(dataset, directory)[0]


def _context_table(*, contexts: int, actions: int) -> ContextTable:
    return ContextTable(contexts, actions)


def _symmetric_bandit(*, actions: int) -> ContextTable:
    return symmetric_bandit(actions)


TASKS: dict[str, Callable[..., Any]] = {
    "tokens": TokenTask,
    "brackets": BracketTask,
    "multi_turn": MultiTurnTask,
    "noisy_verifier": NoisyVerifier,
    "symmetric_bandit": _symmetric_bandit,
    "context_table": _context_table,
    "images": _training_images,
}


def policy_sizes(task: Any) -> dict[str, int]:
    """The keywords that fit a policy to a task."""
    match task:
        case AbstractTokenTask():
            return {"horizon": task.horizon, "vocab_size": task.vocab_size}
        case ContextTable():
            return {"contexts": task.num_contexts, "actions": task.num_actions}
        case ClassificationBandit():
            return {"inputs": task.images.shape[1], "actions": task.num_actions}
        case _:
            raise TypeError(f"no policy sizes are known for a {type(task).__name__}")

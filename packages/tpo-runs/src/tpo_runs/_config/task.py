"""`[task]` tables: what the policy answers and how answers are scored."""

import functools
import hashlib
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, SerializeAsAny, model_validator

from .._errors import ConfigError
from .answer_tasks import ANSWER_TASKS
from .kinds import kinds, of_kind
from .language_model import TextSpec
from .own import ImportPath, OwnSpec
from .spec import Identity, invalid
from .task_base import Horizon, Reward, Target, TaskSpec, Vocabulary

Rate = Annotated[float, Field(ge=0, le=1)]
Actions = Annotated[int, Field(ge=2, le=65536)]


class TokenTaskSpec(TaskSpec):
    """Token reversal and related tasks: prompts and answers of `horizon` tokens.

    Source: arXiv 2604.06159, Section 4. The targets from "sort" on and the reward "graded" are ours.

    Args:
        target: the correct answer, as a function of the prompt.
        reward: how tokens are scored; "terminal" pays only for a fully correct answer, "graded" pays the
            square of the share of correct tokens.
        horizon: tokens in a prompt, and in an answer.
        vocab_size: number of distinct tokens.
    """

    kind: Literal["tokens"] = "tokens"
    target: Target
    reward: Reward
    horizon: Horizon
    vocab_size: Vocabulary


class BracketTaskSpec(TaskSpec):
    """Bracket matching: complete the prefix of a balanced string, in any way that balances it.

    Args:
        reward: "sequential" pays tokens up to the first mistake, "terminal" only balanced strings.
        horizon: tokens in a prompt, and in an answer.
        vocab_size: number of distinct tokens, even: half of them open and half of them close.
    """

    kind: Literal["brackets"] = "brackets"
    reward: Literal["sequential", "terminal"]
    horizon: Horizon
    vocab_size: Vocabulary

    @model_validator(mode="after")
    def _check_pairs(self) -> "BracketTaskSpec":
        if self.vocab_size % 2:
            raise invalid(f"vocab_size = {self.vocab_size} is odd, but brackets come in pairs")
        return self


class MultiTurnTaskSpec(TaskSpec):
    """A conversation. Each reply depends on the message and on the previous reply, correct or not.

    Args:
        target: the correct reply, as a function of the message plus the previous reply.
        reward: how tokens are scored, as in "tokens".
        turns: messages in a prompt, and replies in an answer; divides `horizon`.
        horizon: tokens of all messages together, and of all replies.
        vocab_size: number of distinct tokens.
    """

    kind: Literal["multi_turn"] = "multi_turn"
    target: Target
    reward: Reward
    turns: Horizon
    horizon: Horizon
    vocab_size: Vocabulary

    @model_validator(mode="after")
    def _check_turns(self) -> "MultiTurnTaskSpec":
        if self.horizon % self.turns:
            raise invalid(f"turns = {self.turns} does not divide horizon = {self.horizon}")
        return self


class NoisyVerifierSpec(TaskSpec):
    """A terminal reward from a verifier that makes mistakes: always the same for a prompt and its answer.

    Args:
        target: the correct answer, as a function of the prompt.
        horizon: tokens in a prompt, and in an answer.
        vocab_size: number of distinct tokens.
        false_positives: share of wrong answers that pass.
        false_negatives: share of correct answers that fail.
        seed: selects the verifier; each seed makes different mistakes.
    """

    kind: Literal["noisy_verifier"] = "noisy_verifier"
    target: Target
    horizon: Horizon
    vocab_size: Vocabulary
    false_positives: Rate
    false_negatives: Rate
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0


class SymmetricBanditSpec(TaskSpec):
    """A bandit without contexts: one correct action, and wrong actions that are interchangeable.

    Source: arXiv 2604.06159, figure 2.

    Args:
        actions: number of actions; the first is correct.
    """

    kind: Literal["symmetric_bandit"] = "symmetric_bandit"
    actions: Actions = 100

    def build(self) -> Any:
        """The task."""
        from tpo_envs import symmetric_bandit

        return symmetric_bandit(self.actions)


class ContextTableSpec(TaskSpec):
    """A bandit with numbered contexts, each with one correct action.

    Source: arXiv 2604.06159, figure 3.

    Args:
        contexts: number of contexts.
        actions: number of actions; the first is correct.
    """

    kind: Literal["context_table"] = "context_table"
    contexts: Annotated[int, Field(ge=1, le=1_000_000)] = 100
    actions: Actions = 10

    def build(self) -> Any:
        """The task."""
        from tpo_envs import ContextTable

        return ContextTable(self.contexts, self.actions)


class ImagesSpec(TaskSpec):
    """A bandit made of labeled images: see an image, name its class, learn only whether it was correct.

    Source: arXiv 2604.06159, figures 1a and 4.

    Args:
        dataset: "mnist", or "digits", a small data set that comes with scikit-learn.
        directory: where the MNIST files are. The default is the environment variable TPO_MNIST_DIR. Without
            either, MNIST is downloaded.
    """

    kind: Literal["images"] = "images"
    dataset: Literal["mnist", "digits"]
    # Results depend on the content of the files, whose hash is in the provenance, not on their location.
    directory: Annotated[str | None, Identity.AS_DEFAULT] = None

    def build(self) -> Any:
        """The task over the training images.

        Raises:
            ConfigError: the data set cannot be loaded.
        """
        return _image_bandits(self.dataset, self.directory)[0]

    def build_test(self) -> Any:
        """The task over the test images."""
        return _image_bandits(self.dataset, self.directory)[1]

    def data_hash(self) -> str:
        """The SHA-256 of all images and labels.

        Raises:
            ConfigError: the data set cannot be loaded.
        """
        return _data_hash(self.dataset, self.directory)


# Cached, so that all cells share one copy on the device.
@functools.lru_cache(maxsize=4)
def _image_bandits(dataset: str, directory: str | None) -> tuple[Any, Any]:
    from tpo_envs import ClassificationBandit

    data = _load(dataset, directory)
    return (
        ClassificationBandit(data.train_images, data.train_labels, data.num_classes),
        ClassificationBandit(data.test_images, data.test_labels, data.num_classes),
    )


@functools.lru_cache(maxsize=4)
def _data_hash(dataset: str, directory: str | None) -> str:
    import numpy as np

    data = _load(dataset, directory)
    total = hashlib.sha256()
    for array in (data.train_images, data.train_labels, data.test_images, data.test_labels):
        total.update(np.ascontiguousarray(array).data)
    return total.hexdigest()


def _load(dataset: str, directory: str | None) -> Any:
    from tpo_envs import DatasetError, load_dataset

    try:
        return load_dataset(dataset, directory=directory)
    except DatasetError as error:
        raise ConfigError([f"task.dataset = {dataset!r}: {error}"]) from None


class OwnTaskSpec(TaskSpec, OwnSpec):
    """A user's own class, named "module:Class"; all other keys are passed to it as keywords."""

    pattern: ClassVar[str] = "module:Class"
    lacks: ClassVar[str] = (
        "an own task has no measures on test data, and files that it reads are not hashed: "
        "only its source is checked before seeds are added"
    )
    kind: ImportPath


TASKS = kinds(
    TokenTaskSpec,
    BracketTaskSpec,
    MultiTurnTaskSpec,
    NoisyVerifierSpec,
    *ANSWER_TASKS,
    SymmetricBanditSpec,
    ContextTableSpec,
    ImagesSpec,
    TextSpec,
)
Task = Annotated[SerializeAsAny[TaskSpec], of_kind("task", TASKS, OwnTaskSpec)]
TOKEN_KINDS = ("tokens", "brackets", "multi_turn", "noisy_verifier")
ANSWER_KINDS = tuple(kinds(*ANSWER_TASKS))
TEXT_KINDS = ("text",)
BANDIT_KINDS = ("symmetric_bandit", "context_table", "images")

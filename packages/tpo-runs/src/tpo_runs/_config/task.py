"""Tables `[task]`: what the policy answers and how answers are scored."""

import functools
import hashlib
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from .._errors import ConfigError
from .spec import Identity, Spec, kinds, refusal

Target = Literal[
    "copy",
    "flip",
    "reverse_copy",
    "reverse_flip",
    "sort",
    "modular_addition",
    "parity",
    "skip_distractors",
]
Reward = Literal["bag_of_tokens", "sequential", "terminal", "graded"]
Horizon = Annotated[int, Field(ge=1, le=4096)]
Vocabulary = Annotated[int, Field(ge=2, le=65536)]


class TokensSpec(Spec):
    """Token reversal and its relatives: a prompt of `horizon` tokens, an answer of as many.

    Source: arXiv 2604.06159, Section 4; "sort" and what follows it, and "graded", are ours.

    Args:
        target: the right answer, as a function of the prompt.
        reward: how tokens are scored; "terminal" pays only when the whole answer is right, "graded" pays the
            square of the share of right tokens.
        horizon: tokens in a prompt, and in an answer.
        vocab_size: number of distinct tokens.
    """

    kind: Literal["tokens"] = "tokens"
    target: Target
    reward: Reward
    horizon: Horizon
    vocab_size: Vocabulary

    def build(self) -> Any:
        """The task."""
        from tpo_envs import TokenTask

        return TokenTask(**self.keywords)


class BracketsSpec(Spec):
    """Bracket matching: complete a beginning of a balanced string, in any way that balances it.

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
    def _brackets_come_in_pairs(self) -> "BracketsSpec":
        if self.vocab_size % 2:
            raise refusal(f"vocab_size = {self.vocab_size} is odd, but brackets come in pairs")
        return self

    def build(self) -> Any:
        """The task."""
        from tpo_envs import BracketTask

        return BracketTask(**self.keywords)


class MultiTurnSpec(Spec):
    """A conversation: every reply is built on the message and on the reply before it, right or wrong.

    Args:
        target: the right reply, as a function of the message plus the last reply.
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
    def _turns_divide_horizon(self) -> "MultiTurnSpec":
        if self.horizon % self.turns:
            raise refusal(f"turns = {self.turns} does not divide horizon = {self.horizon}")
        return self

    def build(self) -> Any:
        """The task."""
        from tpo_envs import MultiTurnTask

        return MultiTurnTask(**self.keywords)


Rate = Annotated[float, Field(ge=0, le=1)]


class NoisyVerifierSpec(Spec):
    """A terminal reward by a verifier that errs, always alike on the same answer to the same prompt.

    Args:
        target: the right answer, as a function of the prompt.
        horizon: tokens in a prompt, and in an answer.
        vocab_size: number of distinct tokens.
        false_positives: share of wrong answers that pass.
        false_negatives: share of right answers that fail.
        seed: names the verifier; another one errs elsewhere.
    """

    kind: Literal["noisy_verifier"] = "noisy_verifier"
    target: Target
    horizon: Horizon
    vocab_size: Vocabulary
    false_positives: Rate
    false_negatives: Rate
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0

    def build(self) -> Any:
        """The task."""
        from tpo_envs import NoisyVerifier

        return NoisyVerifier(**self.keywords)


Actions = Annotated[int, Field(ge=2, le=65536)]


class SymmetricBanditSpec(Spec):
    """A bandit without contexts: one right action, and wrong ones that are all alike.

    Source: arXiv 2604.06159, figure 2.

    Args:
        actions: number of actions; the first is right.
    """

    kind: Literal["symmetric_bandit"] = "symmetric_bandit"
    actions: Actions = 100

    def build(self) -> Any:
        """The task."""
        from tpo_envs import symmetric_bandit

        return symmetric_bandit(self.actions)


class ContextTableSpec(Spec):
    """A bandit with numbered contexts, each with one right action.

    Source: arXiv 2604.06159, figure 3.

    Args:
        contexts: number of contexts.
        actions: number of actions; the first is right.
    """

    kind: Literal["context_table"] = "context_table"
    contexts: Annotated[int, Field(ge=1, le=1_000_000)] = 100
    actions: Actions = 10

    def build(self) -> Any:
        """The task."""
        from tpo_envs import ContextTable

        return ContextTable(self.contexts, self.actions)


class ImagesSpec(Spec):
    """A bandit made of labelled images: see an image, name its class, be told only right or wrong.

    Source: arXiv 2604.06159, figures 1a and 4.

    Args:
        dataset: "mnist", or "digits", a small one that comes with scikit-learn.
        directory: where the MNIST files are. Without it, that in the environment variable TPO_MNIST_DIR, else
            a download.
    """

    kind: Literal["images"] = "images"
    dataset: Literal["mnist", "digits"]
    # What is in the files counts, which provenance has by its hash, and not where they are.
    directory: Annotated[str | None, Field(description="a string"), Identity.AS_DEFAULT] = None

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


@functools.lru_cache(maxsize=4)
def _image_bandits(dataset: str, directory: str | None) -> tuple[Any, Any]:
    """The bandits over the training and the test images, loaded to the device once for all cells."""
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


Task = Annotated[
    TokensSpec
    | BracketsSpec
    | MultiTurnSpec
    | NoisyVerifierSpec
    | SymmetricBanditSpec
    | ContextTableSpec
    | ImagesSpec,
    Field(discriminator="kind"),
]
TASKS = kinds(Task)
# The kinds that answer a prompt with tokens.
TOKEN_KINDS = ("tokens", "brackets", "multi_turn", "noisy_verifier")

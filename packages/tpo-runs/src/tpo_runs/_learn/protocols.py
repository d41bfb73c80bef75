"""The interfaces of tasks, policies and objectives."""

from typing import Any, Protocol, runtime_checkable

from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray


@runtime_checkable
class Objective(Protocol):
    """A loss like those of `tpo_objectives`, with its options set.

    A group objective maps log-probs, log-probs at sampling time and scores of shape `[*b, k]` to losses
    `[*b]`; a sample objective maps `[*b]` to `[*b]`. If some entries of a batch do not exist, it also gets
    the keyword `where`, shaped like its arguments.
    """

    def __call__(
        self, logp: Float[Array, "*b"], old_logp: Float[Array, "*b"], scores: Float[Array, "*b"], /
    ) -> Float[Array, "*c"]:
        """Losses, not reduced over the batch."""
        ...


@runtime_checkable
class TokenTask(Protocol):
    """A task of prompts and answers, such as `tpo_envs.TokenTask`."""

    def prompts(self, key: PRNGKeyArray, batch: int) -> Int[Array, "b h"]:
        """Draw prompts."""
        ...

    def token_rewards(
        self, prompts: Int[Array, "*#b h"], answers: Int[Array, "*#b h"]
    ) -> Float[Array, "*b h"]:
        """The reward of each token of the answers, in [0, 1]."""
        ...

    def candidate_rewards(
        self, prompts: Int[Array, "*b h"], behaviour: Int[Array, "*b h"], candidates: Int[Array, "*b h k"]
    ) -> Float[Array, "*b h k"]:
        """The reward of candidate tokens at each prefix of the answers `behaviour`."""
        ...


@runtime_checkable
class TokenPolicy(Protocol):
    """A policy over answers to prompts, such as `tpo_models.CausalTransformer`."""

    def sample(
        self, key: PRNGKeyArray, prompts: Int[Array, "b h"], candidates: int
    ) -> tuple[Int[Array, "b k h"], Float[Array, "b k h"]]:
        """Draw answers, with the log-prob of each token."""
        ...

    def log_probs(self, prompts: Int[Array, "b h"], answers: Int[Array, "b k h"]) -> Float[Array, "b k h"]:
        """The log-prob of each token of given answers."""
        ...

    def answer_log_softmax(
        self, prompts: Int[Array, "b h"], answers: Int[Array, "b k h"]
    ) -> Float[Array, "b k h vocab"]:
        """The log-probs of all tokens at each position of given answers."""
        ...


@runtime_checkable
class AnswerTask(Protocol):
    """A task whose answers may end early, such as `tpo_envs.AbstractAnswerTask`.

    Answers have at most `horizon` tokens and end with the token `end`; if it is None, all answers have
    `horizon` tokens.
    """

    @property
    def horizon(self) -> int:
        """The maximum number of tokens in an answer, including its end token."""
        ...

    @property
    def end(self) -> int | None:
        """The end token."""
        ...

    def prompts(self, key: PRNGKeyArray, batch: int) -> Int[Array, "b p"]:
        """Draw prompts."""
        ...

    def mask(self, answers: Int[Array, "*b h"]) -> Bool[Array, "*b h"]:
        """Which tokens of the answers exist: all tokens up to and including the first end token."""
        ...

    def score(self, prompts: Int[Array, "*#b p"], answers: Int[Array, "*#b h"]) -> Float[Array, "*b"]:
        """The scores of the answers, in [0, 1]."""
        ...


@runtime_checkable
class AnswerPolicy(Protocol):
    """A policy whose answers may end early, such as `tpo_models.CausalTransformer`."""

    def sample(
        self,
        key: PRNGKeyArray,
        prompts: Int[Array, "b p"],
        candidates: int,
        *,
        horizon: int,
        end: int | None,
    ) -> tuple[Int[Array, "b k h"], Float[Array, "b k h"]]:
        """Draw answers of at most `horizon` tokens, with the log-prob of each token."""
        ...

    def log_probs(self, prompts: Int[Array, "b p"], answers: Int[Array, "b k h"]) -> Float[Array, "b k h"]:
        """The log-prob of each token of given answers; of tokens after the end, any finite number."""
        ...


@runtime_checkable
class BanditTask(Protocol):
    """A task of contexts and actions, such as the bandits of `tpo_envs`.

    Contexts have a field `inputs` for the policy.
    """

    num_actions: int

    def sample(self, key: PRNGKeyArray, batch: int) -> Any:
        """Draw contexts."""
        ...

    def all_contexts(self) -> Any:
        """Each context once."""
        ...

    def reward(self, contexts: Any, actions: Int[Array, "b *n"]) -> Float[Array, "b *n"]:
        """The rewards of given actions, in [0, 1]."""
        ...

    def all_rewards(self, contexts: Any) -> Float[Array, "b a"]:
        """The rewards of all actions."""
        ...


@runtime_checkable
class ActionPolicy(Protocol):
    """A policy over the actions of a bandit, such as `tpo_models.MLP` and `tpo_models.LogitTable`."""

    def log_policy(self, inputs: Any) -> Float[Array, "b a"]:
        """The log-probs of all actions for each input."""
        ...

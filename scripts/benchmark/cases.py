"""What is timed: methods of the shipped configs at the paper's settings, as whole episodes and in parts."""

import dataclasses
import functools
from collections.abc import Iterator, Sequence
from pathlib import Path

from tpo_runs import Cell, load_config

from .flops import Shape, necessary_flop
from .results import key_of

ROOT = Path(__file__).parents[2]
SPARSE, TOKENS = "transformer_rlvr", "transformer"
SOLVED = 400
PARTS = ("sampling", "gradient", "optimizer")


@dataclasses.dataclass(frozen=True)
class Case:
    """One row of the benchmark.

    `part` is "episode" or one of `PARTS`; `naive` trains the transformer that recomputes everything; the
    learning curve of the first `curve` episodes (of all seeds together) is kept; timing begins after `after`
    episodes; `overrides` are those of `tpo-runs`.
    """

    name: str
    config: str
    method: str
    seeds: int = 1
    part: str = "episode"
    naive: bool = False
    curve: int = 20
    after: int = 0
    overrides: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> str:
        """What tells this case from all others, in words."""
        return key_of(self.name, self.seeds)

    @functools.cached_property
    def cell(self) -> Cell:
        """The settled settings."""
        path = ROOT / "configs" / f"{self.config}.toml"
        overrides = [(key, value) for key, value in self.overrides]
        (cell,) = load_config(path, overrides=overrides, methods=self.method).cells
        return cell

    @property
    def answers(self) -> int:
        """The answers that an episode of one seed samples."""
        shape = self.shape
        return shape.prompts * shape.candidates

    @property
    def shape(self) -> Shape:
        """The sizes of the transformer's batch. Candidates for the next token share one answer."""
        task, policy, rollout = self.cell.task, self.cell.policy, self.cell.rollout
        candidates = rollout.candidates if rollout.kind == "sequence_group" else 1
        return Shape(
            rollout.prompts,
            candidates,
            task.horizon,
            task.vocab_size,
            policy.width,
            policy.layers,
            policy.heads,
        )

    @property
    def flop(self) -> int:
        """The necessary operations of an episode, or of a part of it, of one seed."""
        return necessary_flop(self.shape, self.cell.schedule.epochs, self.part)


def all_cases(seeds: Sequence[int]) -> Iterator[Case]:
    """Whole episodes for each number of seeds, then the parts and the naive transformer for one seed."""
    methods = [
        ("TPO sparse", SPARSE, "TPO"),
        ("GRPO sparse", SPARSE, "GRPO"),
        ("PPO", SPARSE, "PPO"),
        ("DG", SPARSE, "DG"),
        ("TPO tokens", TOKENS, "TPO"),
        ("GRPO tokens", TOKENS, "GRPO"),
    ]
    for name, config, method in methods:
        for count in seeds:
            yield Case(name, config, method, seeds=count)
    for name, config, method in (methods[0], methods[4], methods[2]):
        for part in PARTS:
            yield Case(f"{name}, {part}", config, method, part=part)
    # Eight tokens are learned within 300 episodes. Then most answers to a prompt are equal.
    yield Case("TPO sparse, solved", SPARSE, "TPO", after=SOLVED, overrides=(("task.horizon", "8"),))
    for name, config, method in (methods[0], *methods[2:5]):
        yield Case(f"{name}, naive", config, method, naive=True)


def quick_cases() -> list[Case]:
    """Enough to see that everything works."""
    return [
        Case("TPO tokens", TOKENS, "TPO"),
        Case("DG", SPARSE, "DG"),
        Case("TPO tokens, gradient", TOKENS, "TPO", part="gradient"),
    ]

"""Combinations of tables that are each valid but do not fit together."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .cell import Cell
from .objective import OBJECTIVES
from .probe import PROBES
from .problems import Problem
from .rollout import OWN_BASELINES, ROLLOUTS, AllActionsSpec, SampledActionsSpec, SingleSpec, TokenGroupSpec
from .task import TOKEN_KINDS

# The rewards that pay a token for itself.
DENSE_REWARDS = ("bag_of_tokens", "sequential")
# The tasks that each policy can answer.
SERVED = {
    "transformer": TOKEN_KINDS,
    "mlp": ("images",),
    "logit_table": ("symmetric_bandit", "context_table"),
}


def mismatches(cell: Cell) -> list[Problem]:
    """What does not fit in a cell whose tables are valid one by one."""
    problems = [problem for check in (_policy, _rollout) if (problem := check(cell))]
    if problems:
        return problems
    checks: tuple[Callable[[Cell], Problem | None], ...] = (_level, _dense_reward, _signal, _warmup)
    return [problem for check in checks if (problem := check(cell))] + [*_probes(cell), *_measures(cell)]


def _policy(cell: Cell) -> Problem | None:
    task, policy = cell.task.kind, cell.policy.kind
    if task in SERVED[policy]:
        return None
    fits = _quoted(kind for kind, tasks in SERVED.items() if task in tasks)
    return Problem(("policy", "kind"), f"{policy!r} cannot answer task {task!r}; use policy.kind = {fits}")


def _rollout(cell: Cell) -> Problem | None:
    task, rollout = cell.task.kind, cell.rollout
    if task in rollout.serves:
        return None
    fits = _quoted(_rollouts_for(task))
    return Problem(
        ("rollout", "kind"), f"{rollout.kind!r} cannot sample task {task!r}; use rollout.kind = {fits}"
    )


def _level(cell: Cell) -> Problem | None:
    objective, rollout = cell.objective, cell.rollout
    if objective.level is None or objective.level == rollout.level:
        return None
    takes = {"group": "groups of candidates", "sample": "single samples"}
    rollouts = _quoted(_of_level(_rollouts_for(cell.task.kind), objective.level))
    objectives = _quoted(_of_level(OBJECTIVES, rollout.level))
    text = (
        f"{rollout.kind!r} makes {takes[rollout.level]}, but objective {objective.kind!r} takes "
        f"{takes[objective.level]}; use rollout.kind = {rollouts} or objective.kind = {objectives}"
    )
    return Problem(("rollout", "kind"), text)


def _rollouts_for(task: str) -> dict[str, Any]:
    return {kind: model for kind, model in ROLLOUTS.items() if task in getattr(model, "serves", ())}


def _of_level(kinds: Mapping[str, Any], level: str | None) -> Iterator[str]:
    return (kind for kind, model in kinds.items() if model.level == level)


def _quoted(kinds: Any) -> str:
    return " or ".join(f"'{kind}'" for kind in kinds)


def _dense_reward(cell: Cell) -> Problem | None:
    if not isinstance(cell.rollout, TokenGroupSpec):
        return None
    # A noisy verifier has no choice of rewards: it judges whole answers.
    reward = getattr(cell.task, "reward", None)
    if reward in DENSE_REWARDS:
        return None
    paid = f"task.reward is {reward!r}" if reward else f"task {cell.task.kind!r} pays whole answers"
    text = f"'token_group' needs a reward for each token, but {paid}; use 'sequence_group'"
    return Problem(("rollout", "kind"), text)


def _signal(cell: Cell) -> Problem | None:
    """A baseline that is the mean of one sample leaves nothing of it."""
    rollout = cell.rollout
    if not isinstance(rollout, SingleSpec | SampledActionsSpec | AllActionsSpec):
        return None
    if rollout.baseline not in ("batch_mean", "batch_zscore"):
        return None
    if isinstance(rollout, SingleSpec):
        key, size = "prompts", rollout.prompts
    elif isinstance(rollout.contexts, str):  # "all"
        # The symmetric bandit has one context; of images there are many.
        of_task = {"symmetric_bandit": 1, "images": 2}
        key, size = (
            "samples",
            rollout.samples * of_task.get(cell.task.kind, getattr(cell.task, "contexts", 1)),
        )
    else:
        key, size = "contexts", rollout.contexts * rollout.samples
    if size > 1:
        return None
    text = (
        f"{rollout.baseline!r} over one sample subtracts the sample from itself, and nothing is learned; "
        f"use rollout.{key} = 2 or more, or baseline = 'none'"
    )
    return Problem(("rollout", "baseline"), text)


def _warmup(cell: Cell) -> Problem | None:
    warmup, steps = cell.optimizer.warmup_steps, cell.schedule.steps
    if warmup < steps:
        return None
    text = f"{warmup} is not below schedule.steps = {steps}, so that the warmup would not end"
    return Problem(("optimizer", "warmup_steps"), text)


def _probes(cell: Cell) -> Iterator[Problem]:
    for name in cell.probes:
        for section, kinds in PROBES[name].items():
            kind = getattr(cell, section).kind
            if kind not in kinds:
                text = f"probe {name!r} needs {section}.kind = {_quoted(kinds)}, not {kind!r}"
                fix = "leave it out of probes, or give the method its own probes = [...]"
                yield Problem((section, "kind"), f"{text}; {fix}")


def _measures(cell: Cell) -> Iterator[Problem]:
    path = ("evaluation", "measures")
    if cell.evaluation.measures and cell.task.kind != "images":
        yield Problem(path, f"there are test images in task 'images' alone, not in {cell.task.kind!r}")
    elif cell.evaluation.measures and cell.evaluation.every > cell.schedule.steps:
        text = f"more than schedule.steps = {cell.schedule.steps}, so that nothing would be measured"
        yield Problem(("evaluation", "every"), f"{cell.evaluation.every} is {text}")
    if "surplus" in cell.evaluation.measures and not _has_surplus(cell.rollout):
        yield Problem(
            path,
            "'surplus' needs a method whose update is that of one sampled action: rollout.kind = "
            "'sampled_actions' or 'all_actions', samples = 1, and as baseline a number or one of "
            f"{', '.join(OWN_BASELINES)}; give the method its own evaluation = {{ measures = [...] }}",
        )


def _has_surplus(rollout: Any) -> bool:
    if not isinstance(rollout, SampledActionsSpec | AllActionsSpec) or rollout.samples != 1:
        return False
    return not isinstance(rollout.baseline, str) or rollout.baseline in OWN_BASELINES

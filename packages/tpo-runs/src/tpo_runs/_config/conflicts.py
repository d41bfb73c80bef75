"""Tables that are each valid but do not work together."""

from collections.abc import Iterable, Iterator
from typing import Any

from .cell import Cell
from .evaluation import MEASURED_TASKS, PROBES
from .objective import OBJECTIVES
from .own import OwnSpec
from .problems import Problem
from .rollout import (
    ONE_SAMPLE_BASELINES,
    ROLLOUTS,
    SampledActionsSpec,
    SingleSpec,
    TokenGroupSpec,
)
from .task import ANSWER_KINDS, BANDIT_KINDS, TEXT_KINDS, TOKEN_KINDS

DENSE_REWARDS = ("bag_of_tokens", "sequential")
# The tasks that each policy can answer.
POLICY_TASKS = {
    "transformer": (*TOKEN_KINDS, *ANSWER_KINDS),
    "language_model": TEXT_KINDS,
    "mlp": ("images",),
    "logit_table": tuple(kind for kind in BANDIT_KINDS if kind != "images"),
}


def conflicts_in(cell: Cell) -> list[Problem]:
    """The problems between the tables of a cell, each of which is valid alone."""
    problems = [*_check_task(cell)]
    if problems:
        return problems
    checks = (
        _check_level,
        _check_anchor,
        _check_correction,
        _check_top_p,
        _check_initial_probs,
        _check_reward,
        _check_baseline,
        _check_warmup,
        _check_microbatches,
        _check_probes,
        _check_measures,
    )
    return [problem for check in checks for problem in check(cell)]


def _check_task(cell: Cell) -> Iterator[Problem]:
    task, policy, rollout = cell.task.kind, cell.policy.kind, cell.rollout.kind
    own = isinstance(cell.task, OwnSpec)
    # What users' own tasks and policies can do shows when they are built, before training.
    if own and policy == "language_model":
        text = "'language_model' answers problems in text; use task.kind = 'text', or another policy"
        yield Problem(("policy", "kind"), text)
    if not own and not isinstance(cell.policy, OwnSpec) and task not in POLICY_TASKS[policy]:
        allowed = _quoted(kind for kind, tasks in POLICY_TASKS.items() if task in tasks)
        text = f"{policy!r} cannot answer task {task!r}; use policy.kind = {allowed}"
        yield Problem(("policy", "kind"), text)
    if not own and task not in cell.rollout.tasks:
        text = f"{rollout!r} cannot sample task {task!r}; use rollout.kind = {_quoted(_rollouts_for(task))}"
        yield Problem(("rollout", "kind"), text)
    if task in ANSWER_KINDS:
        try:
            cell.task.build()
        except ValueError as error:  # the task knows which of its sizes go together
            yield Problem(("task",), str(error))


def _check_level(cell: Cell) -> Iterator[Problem]:
    objective, rollout = cell.objective, cell.rollout
    if objective.level in (None, rollout.level):
        return
    data = {"group": "groups of candidates", "sample": "single samples"}
    rollouts = _quoted(
        kind for kind, model in _rollouts_for(cell.task.kind).items() if model.level == objective.level
    )
    objectives = _quoted(kind for kind, model in OBJECTIVES.items() if model.level == rollout.level)
    text = (
        f"{rollout.kind!r} makes {data[rollout.level]}, but objective {objective.kind!r} takes "
        f"{data[objective.level]}; use rollout.kind = {rollouts} or objective.kind = {objectives}"
    )
    yield Problem(("rollout", "kind"), text)


def _rollouts_for(task: str) -> dict[str, Any]:
    return {kind: model for kind, model in ROLLOUTS.items() if task in model.tasks or ":" in task}


def _quoted(kinds: Iterable[str]) -> str:
    return " or ".join(f"'{kind}'" for kind in kinds)


def _check_anchor(cell: Cell) -> Iterator[Problem]:
    anchor, path = getattr(cell.objective, "anchor", True), ("objective", "anchor")
    if anchor == "mean" and cell.rollout.kind != "sequence_group":
        text = f"'mean' divides by answer lengths, which {cell.rollout.kind!r} does not have"
        yield Problem(path, f"{text}; use rollout.kind = 'sequence_group' or another anchor")


def _check_correction(cell: Cell) -> Iterator[Problem]:
    sampler = getattr(cell.rollout, "sampler", None)
    if sampler is None or sampler.correction == "none" or cell.objective.takes_weights:
        return
    text = f"objective {cell.objective.kind!r} does not take token weights"
    yield Problem(("rollout", "sampler", "correction"), f"{text}; use correction = 'none'")


def _check_top_p(cell: Cell) -> Iterator[Problem]:
    sampler = getattr(cell.rollout, "sampler", None)
    if sampler is not None and sampler.top_p < 1 and cell.policy.kind != "language_model":
        text = f"{cell.policy.kind!r} draws from all tokens; use top_p = 1"
        yield Problem(("rollout", "sampler", "top_p"), text)


def _check_initial_probs(cell: Cell) -> Iterator[Problem]:
    if isinstance(cell.task, OwnSpec) or isinstance(cell.policy, OwnSpec):
        return
    probs, vocab_size = getattr(cell.policy, "initial_probs", None), None
    if probs is not None and len(probs) != (vocab_size := cell.task.build().vocab_size):
        text = f"has {len(probs)} numbers, but the task has {vocab_size} tokens; give one for each token"
        yield Problem(("policy", "initial_probs"), text)


def _check_reward(cell: Cell) -> Iterator[Problem]:
    # A noisy verifier has no `reward`: it judges complete answers.
    reward = getattr(cell.task, "reward", None)
    dense = isinstance(cell.task, OwnSpec) or reward in DENSE_REWARDS
    if isinstance(cell.rollout, TokenGroupSpec) and not dense:
        fault = f"task.reward is {reward!r}" if reward else f"task {cell.task.kind!r} scores complete answers"
        text = f"'token_group' needs a reward for each token, but {fault}; use 'sequence_group'"
        yield Problem(("rollout", "kind"), text)


def _check_baseline(cell: Cell) -> Iterator[Problem]:
    """A batch baseline over a single sample leaves an advantage of zero."""
    rollout = cell.rollout
    if not isinstance(rollout, SingleSpec | SampledActionsSpec):
        return
    if isinstance(rollout, SingleSpec):
        key, size = "prompts", rollout.prompts
    elif isinstance(rollout.contexts, int):
        key, size = "contexts", rollout.contexts * rollout.samples
    else:  # "all"
        # The exact number of images, or of contexts of an own task, does not matter: there are at least two.
        default = 2 if isinstance(cell.task, OwnSpec) or cell.task.kind == "images" else 1
        key, size = "samples", rollout.samples * getattr(cell.task, "contexts", default)
    if rollout.baseline in ("batch_mean", "batch_zscore") and size == 1:
        text = (
            f"{rollout.baseline!r} over one sample subtracts the sample from itself, so nothing is learned; "
            f"use rollout.{key} = 2 or more, or baseline = 'none'"
        )
        yield Problem(("rollout", "baseline"), text)


def _check_warmup(cell: Cell) -> Iterator[Problem]:
    warmup, steps = cell.optimizer.warmup_steps, cell.schedule.steps
    if warmup >= steps:
        text = f"{warmup} is not below schedule.steps = {steps}, so the warmup would not end"
        yield Problem(("optimizer", "warmup_steps"), text)


def _check_microbatches(cell: Cell) -> Iterator[Problem]:
    count, prompts = cell.schedule.microbatches, getattr(cell.rollout, "prompts", None)
    if count > 1 and prompts is None:
        text = f"{cell.rollout.kind!r} has no prompts to split; use microbatches = 1"
        yield Problem(("schedule", "microbatches"), text)
    elif prompts is not None and prompts % count:
        nearest = max(n for n in range(1, count + 1) if prompts % n == 0)
        text = f"{count} does not divide rollout.prompts = {prompts}; try {nearest}"
        yield Problem(("schedule", "microbatches"), text)


def _check_probes(cell: Cell) -> Iterator[Problem]:
    for name in cell.probes:
        for section, kinds in PROBES[name].items():
            kind = getattr(cell, section).kind
            if kind not in kinds:
                text = f"probe {name!r} needs {section}.kind = {_quoted(kinds)}, not {kind!r}"
                fix = "remove it from probes, or give the method its own probes = [...]"
                yield Problem((section, "kind"), f"{text}; {fix}")
        candidates, of = getattr(cell.rollout, "candidates", None), name.removeprefix("pass_at_")
        if of.isdecimal() and candidates is not None and candidates < int(of):
            text = f"probe {name!r} needs at least {of} candidates, and there are {candidates}"
            yield Problem(("rollout", "candidates"), f"{text}; remove it from probes")


def _check_measures(cell: Cell) -> Iterator[Problem]:
    path = ("evaluation", "measures")
    every, steps = cell.evaluation.every, cell.schedule.steps
    wrong = [name for name in cell.evaluation.measures if MEASURED_TASKS[name] != cell.task.kind]
    if wrong:
        needed = MEASURED_TASKS[wrong[0]]
        yield Problem(path, f"measure {wrong[0]!r} needs task.kind = {needed!r}, not {cell.task.kind!r}")
    elif cell.evaluation.measures and every > steps:
        text = f"{every} is more than schedule.steps = {steps}, so nothing would be measured"
        yield Problem(("evaluation", "every"), text)
    rollout = cell.rollout
    has_surplus = (
        isinstance(rollout, SampledActionsSpec)
        and rollout.samples == 1
        and (isinstance(rollout.baseline, float) or rollout.baseline in ONE_SAMPLE_BASELINES)
    )
    if "surplus" in cell.evaluation.measures and not has_surplus:
        yield Problem(
            path,
            "'surplus' needs a method that updates on one sampled action: rollout.kind = "
            "'sampled_actions' or 'all_actions', samples = 1, and as baseline a number or one of "
            f"{', '.join(ONE_SAMPLE_BASELINES)}; give the method its own evaluation = {{ measures = [...] }}",
        )

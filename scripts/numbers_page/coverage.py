"""How often intervals hold what they are of, in simulated runs."""

from collections.abc import Callable, Mapping

import numpy as np
from jaxtyping import Float
from scipy import stats

from tpo_runs._results import interval_band, seed_weights, share_interval, steps_to_threshold_interval

from .markdown import table

SEEDS = (2, 3, 4, 5, 10, 20)
RUNS = 200
DRAWS = 1000
THEIRS = 20  # seeds of the paper
Sample = Callable[[np.random.Generator, tuple[int, ...]], Float[np.ndarray, "..."]]


def _failing(share: float) -> Sample:
    def sample(random: np.random.Generator, shape: tuple[int, ...]) -> Float[np.ndarray, "..."]:
        fails = random.random(shape) < share
        return np.where(fails, random.uniform(0.5, 1, shape), 0.004 * random.random(shape))

    return sample


# Final errors of seeds: their distributions and exact means.
FINALS: Mapping[str, tuple[Sample, float]] = {
    "alike: normal around 30%": (lambda r, s: np.clip(r.normal(0.3, 0.05, s), 0, 1), 0.3),
    "spread evenly": (lambda r, s: r.random(s), 0.5),
    "skewed: Beta(1/2, 5)": (lambda r, s: r.beta(0.5, 5, s), 0.5 / 5.5),
    "one in ten fails": (_failing(0.1), 0.1 * 0.75 + 0.9 * 0.002),
    "three in ten fail": (_failing(0.3), 0.3 * 0.75 + 0.7 * 0.002),
    "half of them fail": (_failing(0.5), 0.5 * 0.75 + 0.5 * 0.002),
    "0 or 100%, one in ten": (lambda r, s: (r.random(s) < 0.1) * 1.0, 0.1),
    "all equal": (lambda _, s: np.full(s, 0.05), 0.05),
}
# Steps at which seeds are solved, of which a run has 100.
SOLVED: Mapping[str, Sample] = {
    "solved at steps 45 to 55": lambda r, s: r.uniform(45, 55, s),
    "solved at 20 to 40, one in ten at 40 to 80": lambda r, s: np.where(
        r.random(s) < 0.1, r.uniform(40, 80, s), r.uniform(20, 40, s)
    ),
}


def of_mean(
    sample: Sample, mean: float, count: int, *, future: int | None = None, runs: int = RUNS, seed: int = 0
) -> float:
    """How often the interval of errors holds the mean, or that of `future` further seeds."""
    random = np.random.default_rng(seed)
    values = np.sort(sample(random, (runs, count)), axis=1)
    goal = np.full(runs, mean) if future is None else sample(random, (runs, future)).mean(axis=1)
    weights = seed_weights(count, future, DRAWS)
    means = values @ weights[:, :-1].T
    low, high = np.quantile(means, 0.025, axis=1), np.quantile(means + weights[:, -1], 0.975, axis=1)
    return float(np.mean((low - 1e-9 <= goal) & (goal <= high + 1e-9)))


def of_difference(sample: Sample, count: int, *, runs: int = RUNS, seed: int = 0) -> float:
    """How often the interval of paired differences holds 0, where both methods are alike."""
    random = np.random.default_rng(seed)
    values = np.sort(sample(random, (runs, count)) - sample(random, (runs, count)), axis=1)
    weights = seed_weights(count, None, DRAWS)
    means = values @ weights[:, :-1].T
    low = np.quantile(means - weights[:, -1], 0.025, axis=1)
    return float(np.mean((low <= 0) & (np.quantile(means + weights[:, -1], 0.975, axis=1) >= 0)))


def of_student(sample: Sample, mean: float, count: int, *, runs: int = RUNS, seed: int = 0) -> float:
    """How often Student's interval holds the mean, of the runs where it is drawn: NaN if it never is."""
    low, high = interval_band(sample(np.random.default_rng(seed), (runs, count)).T)
    drawn = ~np.isnan(low)
    return float(np.mean((low <= mean)[drawn] & (mean <= high)[drawn])) if drawn.any() else float("nan")


def of_share(share: float, count: int) -> float:
    """How often the interval of a share holds it, exactly."""
    found = [share_interval(failed, count) for failed in range(count + 1)]
    holding = [low <= share <= high for low, high in found]
    return float(stats.binom.pmf(np.arange(count + 1), count, share) @ holding)


def of_steps(sample: Sample, count: int, *, runs: int = 30, seed: int = 0) -> float:
    """How often the interval of the steps to 1% holds the step of the mean of very many seeds."""
    random = np.random.default_rng(seed)

    def curves(seeds: int) -> Float[np.ndarray, "s 100"]:
        return (np.arange(100) < sample(random, (seeds,))[:, None]) * 1.0

    goal = int(np.argmax(curves(20_000).mean(axis=0) < 0.01))
    found = [steps_to_threshold_interval(curves(count), 0.01, draws=400) for _ in range(runs)]
    return float(np.mean([low <= goal <= high for low, high in found]))


def coverage_table() -> str:
    """The coverage of every kind of interval, in percent, by the number of seeds."""
    measured: dict[tuple[str, str], Callable[[int], float]] = {}
    for name, (sample, mean) in FINALS.items():
        measured["mean final error", name] = lambda n, s=sample, m=mean: of_mean(s, m, n)
        measured["mean of 20 further seeds", name] = lambda n, s=sample, m=mean: of_mean(
            s, m, n, future=THEIRS
        )
        measured["paired difference", name] = lambda n, s=sample: of_difference(s, n)
        measured["Student's (bands)", name] = lambda n, s=sample, m=mean: of_student(s, m, n)
    for share in (0.1, 0.3, 0.5):
        measured["share of failed seeds", f"{100 * share:g}% fail"] = lambda n, p=share: of_share(p, n)
    for name, sample in SOLVED.items():
        measured["steps to 1%", name] = lambda n, s=sample: of_steps(s, n)
    kinds = list(dict.fromkeys(kind for kind, _ in measured))
    rows = [
        (kind, name, *(_percent(holds(n)) for n in SEEDS))
        for (kind, name), holds in sorted(measured.items(), key=lambda item: kinds.index(item[0][0]))
    ]
    return table(("interval of", "seeds are", *(f"{n} seeds" for n in SEEDS)), rows, numbers=2)


def _percent(share: float) -> str:
    return "–" if np.isnan(share) else f"{100 * share:.0f}"

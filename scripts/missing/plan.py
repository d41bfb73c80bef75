"""Which seeds to train next, so that a fixed time makes the most published numbers comparable."""

import statistics
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from numbers_page.page import Row
from numbers_page.runs import Run

from tpo_runs import Cell, load_config
from tpo_runs._config import key_of
from tpo_runs._paper import FEWEST_BESIDE_SEEDS, FEWEST_SEEDS, PaperNumber
from tpo_runs._run import duration, seed_words

# Of two shared cores, for a token in one pass of the paper's transformer; until a seed has been measured.
FIRST_GUESS = 3e-6
Owner = tuple[str, str]  # the key of a cell and the name of its method


@dataclass(frozen=True, eq=False)
class Candidate:
    """A cell of a config that would make published numbers comparable."""

    config: Path
    cell: Cell
    numbers: tuple[PaperNumber, ...]
    goal: int  # seeds, counted from 0, that they take
    final: bool  # they can be compared already, but with fewer seeds than the paper's

    @property
    def owner(self) -> Owner:
        """What its seeds are counted by."""
        return self.cell.key, self.cell.method


class Piece(NamedTuple):
    """Consecutive seeds of one cell, to train in one process."""

    candidate: Candidate
    seeds: range
    numbers: int  # published ones that nothing else serves yet
    seconds: float  # estimated

    @property
    def words(self) -> str:
        """What is trained, for people."""
        return f"{self.candidate.config.stem}, {self.candidate.cell.label}, {seed_words(self.seeds)}"

    @property
    def plan(self) -> str:
        """What it is for and what it takes, for people."""
        numbers = "1 number" if self.numbers == 1 else f"{self.numbers} numbers"
        return f"{self.words}: for {numbers}, about {duration(self.seconds)}"


def paper_cells(configs: Iterable[Path], block: int) -> list[tuple[Path, Cell]]:
    """The cells of the configs that reproduce something of the paper, with `block` seeds trained together."""
    loaded = ((path, load_config(_with_block(path, block))) for path in sorted(configs))
    return [(path, cell) for path, run in loaded if run.config.paper for cell in run.cells]


def _with_block(path: Path, block: int) -> dict[str, Any]:
    config = tomllib.loads(path.read_text("utf-8"))
    for table in (config, *config.get("method", ())):
        table.get("schedule", {}).pop("block", None)
    config["schedule"]["block"] = block
    return config


def candidates(cells: Sequence[tuple[Path, Cell]], rows: Sequence[Row]) -> list[Candidate]:
    """Every cell with the published numbers that more of its seeds would serve, by the seeds they take."""
    found: dict[tuple[Owner, int, bool], Candidate] = {}
    for path, cell in cells:
        wanted: dict[tuple[int, bool], list[PaperNumber]] = {}
        for number, evidence in rows:
            if not number.matches(cell.identity()) or cell.schedule.steps < number.steps:
                continue
            judged = evidence is not None and evidence.judged
            if evidence is not None and judged and evidence.seeds >= number.seeds:
                continue
            goal = number.seeds if judged else FEWEST_BESIDE_SEEDS if number.of_seeds else FEWEST_SEEDS
            wanted.setdefault((goal, judged), []).append(number)
        for goal, final in wanted:
            # More seeds serve the numbers too that take fewer.
            served = [n for (g, f), numbers in wanted.items() if f == final and g <= goal for n in numbers]
            new = Candidate(path, cell, tuple(served), goal, final)
            found.setdefault((new.owner, goal, final), new)
    return list(found.values())


def seeds_of(runs: Iterable[Run]) -> dict[Owner, set[int]]:
    """The seeds that are complete already."""
    found: dict[Owner, set[int]] = {}
    for run in runs:
        found.setdefault((key_of(run.cell.spec), run.cell.method), set()).update(run.cell.seeds.tolist())
    return found


class Costs:
    """Seconds of one seed: as measured here for its cell, otherwise in proportion to the tokens it takes."""

    def __init__(self) -> None:
        self._measured: dict[str, float] = {}
        self._rates: list[float] = []

    def measure(self, cell: Cell, seconds: float) -> None:
        """Learn from one seed, trained on this machine."""
        self._measured[cell.key] = seconds
        self._rates.append(seconds / _tokens(cell))

    def of_seed(self, cell: Cell) -> float:
        """The seconds of a seed of this cell."""
        rate = statistics.median(self._rates) if self._rates else FIRST_GUESS
        return self._measured.get(cell.key, rate * _tokens(cell))


def _tokens(cell: Cell) -> float:
    """Tokens that pass through the policy: forward once to sample, and forward and back in every epoch."""
    settings = cell.identity()
    rollout, schedule = settings["rollout"], settings["schedule"]
    answers = rollout.get("prompts", 1) * rollout.get("candidates", 1)
    passes = 1 + 3 * schedule["epochs"]
    return schedule["steps"] * answers * settings["task"].get("horizon", 1) * passes


def next_piece(
    found: Sequence[Candidate],
    taken: Mapping[Owner, set[int]],
    costs: Costs,
    *,
    seconds: float,
    longest: float,
) -> Piece | None:
    """The piece with the most published numbers per second of those that end in time.

    Numbers that no run can be compared with come before those with fewer seeds than the paper's.

    Args:
        found: see `candidates`.
        taken: the seeds that are trained already, or at this moment.
        costs: what a seed takes.
        seconds: that are left.
        longest: seconds that a piece of several seeds may take.
    """
    left = {candidate: _open_seeds(candidate, taken) for candidate in found}
    served = {(number.name, c.final) for c in found if not left[c] for number in c.numbers}
    best: tuple[tuple[bool, float], Piece] | None = None
    for candidate, open_seeds in left.items():
        each = costs.of_seed(candidate.cell)
        unserved = sum((number.name, candidate.final) not in served for number in candidate.numbers)
        if not open_seeds or not unserved or each > seconds:
            continue
        order = (not candidate.final, unserved / (each * len(open_seeds)))
        if best is None or order > best[0]:
            fitting = max(1, int(min(seconds, longest) / each))
            chosen = range(open_seeds[0], open_seeds[0] + min(fitting, _consecutive(open_seeds)))
            best = order, Piece(candidate, chosen, unserved, each * len(chosen))
    return best[1] if best else None


def _open_seeds(candidate: Candidate, taken: Mapping[Owner, set[int]]) -> list[int]:
    return sorted(set(range(candidate.goal)) - taken.get(candidate.owner, set()))


def _consecutive(seeds: Sequence[int]) -> int:
    """How many seeds there are up to the first gap."""
    return sum(seed - seeds[0] == i for i, seed in enumerate(seeds))

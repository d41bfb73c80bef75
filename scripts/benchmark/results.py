"""What a benchmark has measured, as it stands in a JSON file."""

import dataclasses
import json
import os
import statistics
from pathlib import Path
from typing import Any

FORMAT = 1


class ResultsError(Exception):
    """A file holds no results that can be used; the message says what to do."""


def key_of(name: str, seeds: int) -> str:
    """What tells a case from all others, in words."""
    return f"{name}, {seeds} seed{'s' if seeds > 1 else ''}"


@dataclasses.dataclass(frozen=True)
class Spread:
    """The median of some values, the least and the greatest."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: list[float]) -> "Spread":
        """Of at least one value."""
        return cls(statistics.median(values), min(values), max(values))


@dataclasses.dataclass(frozen=True)
class Row:
    """One case, measured.

    `seconds` of an episode of all seeds (or of a part of it), by round; `flop` is that of one seed; `rates`
    are those of the machine's matrix products on all cores between the rounds, in GFLOP/s; `answers` are
    those that an episode of one seed samples. `again_seconds` is compiling from the persistent cache.
    """

    name: str
    seeds: int
    seconds: list[float]
    flop: int
    rates: list[float]
    compile_seconds: float
    peak_bytes: int
    answers: int
    again_seconds: float | None = None
    curve: dict[str, list[float]] | None = None

    @property
    def key(self) -> str:
        """What tells this row from all others, in words."""
        return key_of(self.name, self.seeds)

    @property
    def milliseconds(self) -> Spread:
        """Of one episode of one seed."""
        return Spread.of([1000 * seconds / self.seeds for seconds in self.seconds])

    @property
    def gflops(self) -> float:
        """Necessary operations in a second, of the median round."""
        return 1e-9 * self.flop * self.seeds / statistics.median(self.seconds)

    @property
    def share(self) -> float:
        """Of the rate of matrix products."""
        return self.gflops / statistics.median(self.rates)


@dataclasses.dataclass(frozen=True)
class Results:
    """A whole run of the benchmark. `one_core` are rates of matrix products on one core, in GFLOP/s."""

    machine: dict[str, Any]
    rows: list[Row]
    one_core: list[float]
    startup: dict[str, list[float]]

    @property
    def all_cores(self) -> list[float]:
        """Every rate of matrix products on all cores."""
        return [rate for row in self.rows for rate in row.rates]


def write(results: Results, path: Path) -> None:
    """Replace a file at once or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.new")
    new.write_text(json.dumps({"format": FORMAT, **dataclasses.asdict(results)}, indent=1) + "\n")
    os.replace(new, path)


def read(path: Path) -> Results:
    """Read what `write` wrote.

    Raises:
        ResultsError: the file cannot be read, or holds something else.
    """
    try:
        raw = json.loads(path.read_text())
        if raw.pop("format") != FORMAT:
            raise ResultsError(f"{path}: written by another version of the benchmark; measure it again")
        return Results(**{**raw, "rows": [Row(**row) for row in raw["rows"]]})
    except OSError as error:
        raise ResultsError(f"{path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ResultsError(
            f"{path}: no results of the benchmark; expected a JSON file that it wrote"
        ) from None

"""The summary of a run as a JSON file: what it holds, and how it is written and read."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, ValidationError

from .._errors import ConfigError
from .._files import digest, json_bytes
from .._paper import name_of

NAME = "summary.json"
NEVER = "never"
VERSION = 1


def _plain(value: float) -> float | int | str | None:
    """A number as JSON has it: what is unknown is null, a step that never comes is "never"."""
    if math.isnan(value):
        return None
    if math.isinf(value):
        return NEVER
    return int(value) if value == int(value) else value


def _number(value: object) -> object:
    if value is None:
        return math.nan
    return math.inf if value == NEVER else value


Number = Annotated[float, BeforeValidator(_number), PlainSerializer(_plain)]
Ends = tuple[Number, Number]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Origin(_Record):
    """Where some seeds come from.

    Args:
        seeds: the seeds.
        commit: of the code; None where it was installed.
        dirty: whether there were changes that were not committed.
        versions: of Python and the packages.
        devices: kinds of devices.
        processor: name of the CPU; "" where it was not noted.
        cpu_count: number of CPU cores.
        xla_flags: `XLA_FLAGS`.
        matmul_precision: `JAX_DEFAULT_MATMUL_PRECISION`; None for JAX's default.
        objective: hash of the user's own objective, by module.
        host: name of the machine.
        seconds: of training, all blocks of these seeds together.
        finished: when the first and the last block were.
    """

    seeds: list[int]
    commit: str | None
    dirty: bool
    versions: dict[str, str]
    devices: list[str]
    processor: str = ""
    cpu_count: int | None
    xla_flags: str
    matmul_precision: str | None = None
    objective: dict[str, str]
    host: str
    seconds: Number
    finished: tuple[str, str]


class PaperRecord(_Record):
    """A published number beside ours, in the number's unit.

    Args:
        source: table, figure or section; with the next three it names the number.
        quantity: what was measured.
        method: as the paper names it.
        conditions: those that tell it from its neighbours.
        paper: the number, or the bound where `bound` is "above" or "below".
        bound: "" for a number.
        ours: our value.
        interval: where the mean over as many seeds as the paper's is expected with 95%.
        verdict: "agrees" or "differs", or why neither can be said.
        of_seeds: our value of every seed; None for a quantity of the mean curve.
        seeds: how many of ours, and of the paper's; likewise `steps`.
        precision: of `ours`, in steps.
    """

    source: str
    quantity: str
    method: str
    conditions: dict[str, Any]
    paper: Number
    bound: Literal["", "above", "below"]
    ours: Number
    interval: Ends
    verdict: str
    of_seeds: list[Number] | None
    seeds: tuple[int, int]
    steps: tuple[int, int]
    precision: int = 1

    @property
    def name(self) -> tuple[str, ...]:
        """What tells the published number from all others: `PaperNumber.name`."""
        return name_of(self.source, self.quantity, self.method, self.conditions)


class CellRecord(_Record):
    """One method at one grid point. Lists of seeds' values are in the order of `seeds`.

    Args:
        method: its name.
        point: the grid point.
        key: of the cell in the store.
        spec: its settings.
        seeds: the seeds.
        steps: the length of the run.
        bin_width: steps that a value of a curve is the mean of.
        curves: of every seed.
        final: of every seed, the mean of the last 1% of steps.
        final_mean: mean of these; then its 95% interval over seeds.
        first_below: of every seed, the first step at which it is below the threshold.
        highest_since: of every seed, the highest value since then.
        failed: seeds that end above 0.5, or without a value.
        relapsed: seeds that are below the threshold and later above 0.5.
        diverged: the step at which a seed became NaN or infinite.
        crossing: the first step at which the mean over seeds is below the threshold; then its 95% interval.
        crossing_precision: in steps: 1, or `bin_width` where it was found on `curves`.
        seconds: of training.
        origins: where the seeds come from.
        paper: the published numbers of this setting.
    """

    method: str
    point: dict[str, Any]
    key: str
    spec: dict[str, Any]
    seeds: list[int]
    steps: int
    bin_width: int
    curves: list[list[Number]]
    final: list[Number]
    final_mean: Number
    final_interval: Ends
    first_below: list[Number]
    highest_since: list[Number]
    failed: list[int]
    relapsed: list[int]
    diverged: dict[str, int]
    crossing: Number
    crossing_interval: Ends
    crossing_precision: int = 1
    seconds: Number
    origins: list[Origin]
    paper: list[PaperRecord]


class RunSummary(_Record):
    """A run: its title, what it is of the paper, what counts as the error and as solved, and its cells."""

    version: Literal[1] = VERSION
    title: str
    paper: str
    metric: str
    threshold: float
    cells: list[CellRecord]


def summary_bytes(summary: RunSummary) -> bytes:
    """The content of the file: the same summary gives the same bytes, with their own hash among them."""
    value = summary.model_dump(mode="json")
    return (_text({**value, "sha256": digest(json_bytes(value))}) + "\n").encode()


def read_summary(path: Path) -> RunSummary:
    """Read a file that `tpo-runs summarize` wrote.

    Raises:
        ConfigError: it is not there, was damaged, or has another version.
    """
    again = "write it anew by tpo-runs summarize OUT"
    try:
        value = json.loads(path.read_bytes())
        intact = value.pop("sha256", None) == digest(json_bytes(value))
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}; {again}"]) from None
    except (ValueError, AttributeError, TypeError, RecursionError):
        intact, value = False, {}
    if not intact:
        raise ConfigError([f"{path}: damaged, does not match the hash inside it; {again}"])
    try:
        return RunSummary.model_validate(value)
    except ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"]))
        formats = f"format {value.get('version')}, and this one reads format {VERSION}"
        fault = f"made by another version of tpo-runs ({formats}), which differs in {place}"
        raise ConfigError([f"{path}: {fault}; {again}"]) from None


def _text(value: Any, margin: str = "") -> str:
    """JSON with a line for each innermost list or table, so that curves are lines and changes are seen."""
    items = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    if not any(isinstance(item, list | Mapping) for item in items):
        return json.dumps(value, separators=(",", ":"), allow_nan=False)
    inner = margin + " "
    if isinstance(value, Mapping):
        lines = [f"{inner}{json.dumps(key)}: {_text(item, inner)}" for key, item in value.items()]
        return "{\n" + ",\n".join(lines) + f"\n{margin}}}"
    return "[\n" + ",\n".join(inner + _text(item, inner) for item in value) + f"\n{margin}]"

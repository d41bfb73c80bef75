"""The published numbers of arXiv 2604.06159, and the settings of the run that each belongs to."""

import functools
import importlib.resources
import math
import tomllib
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from .._results import setting_at

Quantity = Literal[
    "steps_to_1_percent",
    "block_to_5_percent",
    "final_error_percent",
    "error_percent_at_step",
    "probe_after_block",
    "update_weight",
]

_TOLERANCE = 0.01  # relative: a config may have 2.83e-3 for sqrt(8) * 1e-3


class PaperNumber(BaseModel):
    """One published number.

    Args:
        source: table, figure or section of the paper.
        quantity: what was measured; `data/paper.toml` defines each.
        method: the method's name.
        where: the settings of its run, by dotted path in the config.
        label: those of them that distinguish it from other numbers of the table.
        value: the number, NaN where the paper gives only a bound: `above` or `below`.
        rounding: unit of the last printed digit.
        seeds: the number of seeds that it is a mean over.
        of_seeds: the value of each of them, if the author published these; else empty.
        steps: the length of the run.
        metric: the metric that was measured.
        at: the step of the measurement, for quantities at a step.
        evaluate_every: the number of steps between evaluations.
        unmatched: why no run can be compared with it; empty if one can.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    quantity: Quantity
    method: str
    where: dict[str, Any]
    label: dict[str, Any]
    value: float = math.nan
    above: float | None = None
    below: float | None = None
    rounding: float = Field(gt=0)
    seeds: int = Field(default=1, ge=1)
    of_seeds: tuple[float, ...] = ()
    steps: int = Field(default=1, ge=1)
    metric: str = "error"
    at: int = Field(default=0, ge=0)
    evaluate_every: int = Field(default=1, ge=1)
    unmatched: str = ""

    @model_validator(mode="after")
    def _one_value(self) -> "PaperNumber":
        given = [not math.isnan(self.value), self.above is not None, self.below is not None]
        if sum(given) != 1:
            raise ValueError("exactly one of value, above and below must be given")
        return self

    @model_validator(mode="after")
    def _seeds_make_the_number(self) -> "PaperNumber":
        if not self.of_seeds:
            return self
        if len(self.of_seeds) != self.seeds:
            raise ValueError(
                f"of_seeds: {len(self.of_seeds)} values; give one for each of the {self.seeds} seeds"
            )
        mean = math.fsum(self.of_seeds) / self.seeds
        fits = {
            "above": mean > self.printed,
            "below": mean < self.printed,
            "": abs(mean - self.printed) <= self.rounding / 2,
        }
        if not fits[self.bound]:
            given = f"{self.bound} {self.printed:g}".strip()
            raise ValueError(f"of_seeds: their mean is {mean:g}, and the paper prints {given}")
        return self

    @property
    def name(self) -> tuple[str, ...]:
        """What distinguishes the number from all others."""
        return name_of(self.source, self.quantity, self.method, self.label)

    @property
    def bound(self) -> Literal["", "above", "below"]:
        """Which bound the paper gives; "" for a number."""
        if self.above is not None:
            return "above"
        return "below" if self.below is not None else ""

    @property
    def printed(self) -> float:
        """The number or bound as the paper prints it."""
        return next(number for number in (self.above, self.below, self.value) if number is not None)

    def matches(self, spec: Mapping[str, Any]) -> bool:
        """Whether a cell with these settings is a run of the number's conditions.

        The numbers of steps and seeds may differ. Settings are equal within 1%.

        >>> number = next(n for n in paper_numbers() if n.source == "Table 1")
        >>> number.matches({"task": {"kind": "tokens"}})
        False
        """
        if self.unmatched:
            return False
        return all(_equal(setting_at(spec, path), value) for path, value in self.where.items())


def name_of(source: str, quantity: str, method: str, conditions: Mapping[str, Any]) -> tuple[str, ...]:
    """What distinguishes a published number from all others."""
    return source, quantity, method, repr(sorted(conditions.items()))


@functools.cache
def paper_numbers() -> tuple[PaperNumber, ...]:
    """All published numbers, in the paper's order of tables.

    Source: arXiv 2604.06159.

    >>> number = paper_numbers()[0]
    >>> number.source, number.method, number.label, number.value
    ('Table 1', 'TPO (token groups)', {'task.vocab_size': 2}, 58.0)
    """
    text = importlib.resources.files("tpo_runs").joinpath("data", "paper.toml").read_text("utf-8")
    return parse_paper_numbers(text)


def parse_paper_numbers(text: str) -> tuple[PaperNumber, ...]:
    """Read a file such as `data/paper.toml`.

    Raises:
        pydantic.ValidationError: an entry lacks a key or has an unknown one.
        KeyError: an entry names a setting or method that the file lacks.
    """
    raw = tomllib.loads(text)
    numbers = []
    for table in raw["table"]:
        entries = table.pop("numbers")
        setting = _flat(raw["settings"][table.pop("setting")])
        shared = _flat(table.pop("where", {}))
        for entry in entries:
            method = raw["methods"][entry.pop("method")]
            own = _flat(entry.pop("where", {}))
            where = setting | _flat(method["where"]) | shared | own
            facts = {**table, **entry, "method": method["name"], "where": where, "label": own}
            numbers.append(PaperNumber.model_validate(facts))
    return tuple(numbers)


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in table.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat


def _equal(found: object, expected: object) -> bool:
    if isinstance(expected, bool) or isinstance(found, bool):
        return found is expected
    if isinstance(expected, int | float) and isinstance(found, int | float):
        return math.isclose(found, expected, rel_tol=_TOLERANCE)
    return found == expected

"""A cell: one method at one point of the grid, with every value set."""

import functools
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .._text import cell_label
from .config import SECTIONS, ProbeNames, Schedule
from .evaluation import EvaluationSpec
from .objective import Objective
from .optimizer import Optimizer
from .policy import Policy
from .rollout import Rollout
from .spec import Spec
from .task import Task


class Cell(Spec):
    """The unit of training and storage: one method at one point of the grid.

    Args:
        method: name of the method.
        point: the grid's values at this point, by dotted path.
        task: the merged table; likewise the next six.
        probes: extra measurements.
        config: the file that it comes from; a user's own modules may be beside it.
    """

    method: str
    point: Mapping[str, Any]
    task: Task
    policy: Policy
    optimizer: Optimizer
    schedule: Schedule
    objective: Objective
    rollout: Rollout
    evaluation: EvaluationSpec = EvaluationSpec()
    probes: ProbeNames = ()
    config: Path | None = None

    @property
    def label(self) -> str:
        """The method and the point, in words."""
        return cell_label(self.method, self.point)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The names of the recorded metrics."""
        return ("error", "loss", *self.probes, *self.evaluation.columns)

    @property
    def seeds(self) -> range:
        """The seeds that the config asks for."""
        return range(self.schedule.first_seed, self.schedule.first_seed + self.schedule.seeds)

    def identity(self) -> dict[str, Any]:
        """Everything that the results depend on except the seeds, with every default filled in."""
        identity = {section: getattr(self, section).identity() for section in SECTIONS}
        if not self.evaluation.measures:
            del identity["evaluation"]
        return {**identity, "probes": sorted(self.probes)}

    @functools.cached_property
    def key(self) -> str:
        """The cell's name in the results store: 16 hexadecimal digits of the SHA-256 of its identity."""
        return key_of(self.identity())

    @functools.cached_property
    def program_key(self) -> str:
        """The key of what is compiled: equal for cells that differ only in what the program gets as data."""
        identity = self.identity()
        if self.optimizer.factor is not None:
            del identity["optimizer"]["learning_rate"], identity["schedule"]["steps"]
        return key_of(identity)

    def earlier_identity(self) -> dict[str, Any]:
        """The identity in stores of earlier versions, which included the directory of a data set."""
        return {**self.identity(), "task": self.task.model_dump(mode="json")}


def key_of(identity: Mapping[str, Any]) -> str:
    """The key of the cell with this identity."""
    text = json.dumps(identity, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]

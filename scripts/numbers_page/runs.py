"""The cells of all summaries below figures/, the pieces of one run as one."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from tpo_runs import CellResult, read_summary
from tpo_runs._config import key_of
from tpo_runs._publish import combine_cells
from tpo_runs._results import final_error
from tpo_runs._text import cell_label


class Run(NamedTuple):
    """A cell, and what counts as the error and as solved in its run.

    Args:
        folder: below figures/, of the summary with most of its seeds.
        metric: what counts as the error.
        threshold: the error that counts as solved.
        cell: its seeds of all summaries.
    """

    folder: str
    metric: str
    threshold: float
    cell: CellResult

    @property
    def final(self) -> Float[np.ndarray, " s"]:
        """The final error of every seed."""
        return final_error(self.cell, metric=self.metric)

    @property
    def curves(self) -> Float[np.ndarray, "s bins"]:
        """The binned curve of every seed."""
        return self.cell.metric(self.metric)[:, :: self.cell.bin_width]

    @property
    def link(self) -> str:
        """To all tables of the run, from a page in docs/."""
        return f"[{self.folder}](../figures/{self.folder}/summary.md)"

    @property
    def label(self) -> str:
        """The cell in words."""
        return cell_label(self.cell.method, self.cell.point)


def all_runs(root: Path, more: Path | None = None) -> list[Run]:
    """The cells of `figures/*/summary*.json`, and of the summaries in a folder `more`, which may be missing.

    Those of one key and name are pieces of one.

    Raises:
        tpo_runs.ConfigError: a file is damaged, or pieces do not fit together.
    """
    pieces: dict[tuple[str, str, str, float], list[Run]] = {}
    further = sorted(more.glob("*.json")) if more else []
    for path in [*sorted(root.glob("figures/*/summary*.json")), *further]:
        summary = read_summary(path)
        for cell in summary.cells:
            run = Run(path.parent.name, summary.metric, summary.threshold, cell)
            pieces.setdefault((key_of(cell.spec), cell.method, run.metric, run.threshold), []).append(run)
    return [_united(found) for found in pieces.values()]


def _united(pieces: list[Run]) -> Run:
    """The pieces as one, named and in doubt valued as in the folder that has most of the seeds."""
    seeds: dict[str, set[int]] = {}
    for run in pieces:
        seeds.setdefault(run.folder, set()).update(run.cell.seeds.tolist())
    main = max(seeds, key=lambda folder: len(seeds[folder]))
    pieces = sorted(pieces, key=lambda run: run.folder != main)
    return pieces[0]._replace(cell=combine_cells([run.cell for run in pieces]))

"""The names of the files and directories of a store. Other rooms ask a `Store` for these paths."""

import re
from collections.abc import Sequence
from pathlib import Path

from .._errors import ConfigError

MANIFEST, CONFIG, EDITED_CONFIG, REPORT = "run.json", "config.toml", "config.before.toml", "report.html"
LOCK, LOCK_OWNER = ".lock", "lock.json"
FRAME = "metrics.parquet"  # of all cells
FILES = (MANIFEST, CONFIG, LOCK, LOCK_OWNER, REPORT, FRAME)
DIRECTORIES = ("cells", "figures", "errors", "jobs", "locks", "tensorboard", "tuning")
CELLS, FIGURES, ERRORS, JOBS, LOCKS, TENSORBOARD, TUNING = DIRECTORIES
SUMMARY = "summary.json"  # in FIGURES
CHOICES = "choices.json"  # in TUNING, which is a store itself
OF_CELL = ("spec.json", "checkpoints", "policies", "ends", "tracking", "to-be-replaced")
SPEC, CHECKPOINTS, POLICIES, ENDS, TRACKING, TO_REPLACE = OF_CELL
METRICS, PROVENANCE, TIMING = "metrics.parquet", "provenance.json", "timing.json"  # of a block; also CONFIG
SAMPLES = "samples.json"  # of a block
KEY = re.compile(r"[0-9a-f]{16}")
BLOCK_PREFIX = "seeds-"
BLOCK = re.compile(r"seeds-(\d{6,})-(\d{6,})")


def block_name(seeds: Sequence[int]) -> str:
    """The name of the directory of a block of consecutive seeds.

    >>> block_name([4, 5, 6])
    'seeds-000004-000006'
    """
    return f"{BLOCK_PREFIX}{seeds[0]:06d}-{seeds[-1]:06d}"


class Layout:
    """Where a run keeps its files, below one directory.

    - `run.json`: title, and for each method and grid point the key and the seeds of its cell;
    - `config.toml`: the run's config as it took effect, which trains the same again;
    - `cells/KEY/spec.json`: everything that the cell's numbers depend on, except the seeds; KEY is its hash;
    - `cells/KEY/seeds-A-B/metrics.parquet`: one row per seed and step;
    - `cells/KEY/seeds-A-B/provenance.json`: cell and seeds, versions, device, commit, seeds that diverged;
    - `cells/KEY/seeds-A-B/config.toml`: a config that trains these seeds again;
    - `cells/KEY/seeds-A-B/timing.json`: seconds, host and date, which differ between equal runs;
    - `cells/KEY/seeds-A-B/samples.json`: answers to held-out problems in text, before and after training;
    - `cells/KEY/policies/`: trained policies, if they are kept;
    - `cells/KEY/ends/`: the rest of the state at the end, to train longer, if policies are kept;
    - `cells/KEY/checkpoints/`: seeds in training;
    - `cells/KEY/tracking/`: what experiment trackers were sent;
    - `cells/KEY/to-be-replaced`: there while a run with `--overwrite` has not yet come to this cell;
    - `jobs/`: submitit's files, while SLURM trains;
    - `locks/`: one file per block, held by the process that trains it;
    - `errors/`: tracebacks of cells that failed;
    - `tuning/`: the store of the candidates that `[tune]` compares, and `choices.json`, what it has chosen;
    - `figures/`: figures, tables and the summary; `report.html`: the report;
    - `metrics.parquet`: all rows, if they were asked for;
    - `.lock`, `lock.json`: held by the run, and who that is.
    """

    def __init__(self, root: str | Path):
        self.root = Path(root)
        self.manifest_path = self.root / MANIFEST
        self.config_path = self.root / CONFIG
        self.report = self.root / REPORT
        self.all_metrics = self.root / FRAME
        self.cells = self.root / CELLS
        self.figures = self.root / FIGURES
        self.summary = self.figures / SUMMARY
        self.errors = self.root / ERRORS
        self.jobs = self.root / JOBS
        self.locks = self.root / LOCKS
        self.tensorboard = self.root / TENSORBOARD

    def checkpoints(self, key: str, seeds: Sequence[int]) -> Path:
        """The directory of the checkpoints of a block of seeds."""
        return self._cell(key) / CHECKPOINTS / block_name(seeds)

    def policies(self, key: str, seeds: Sequence[int]) -> Path:
        """The directory of the trained policies of a block of seeds."""
        return self._cell(key) / POLICIES / block_name(seeds)

    def ends(self, key: str, seeds: Sequence[int]) -> Path:
        """The directory of the rest of the state at the end of a block of seeds."""
        return self._cell(key) / ENDS / block_name(seeds)

    def tracking(self, key: str, seeds: Sequence[int]) -> Path:
        """The directory of what trackers were sent about a block of seeds."""
        return self._cell(key) / TRACKING / block_name(seeds)

    def _cell(self, key: str) -> Path:
        # A manifest may come from a stranger: nothing in it may lead out of the directory.
        if not KEY.fullmatch(key):
            raise ConfigError([f"{self.manifest_path}: {key!r} is not the key of a cell"])
        return self.cells / key

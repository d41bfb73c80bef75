"""Train pieces in processes of their own until the time is over, and keep their numbers in small files."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from tpo_runs import ConfigError, Store, combine_summaries, load_config, read_summary, summarize
from tpo_runs._config import config_of_block
from tpo_runs._files import write_file
from tpo_runs._publish import summary_bytes
from tpo_runs._run import DIVERGED, duration

from .plan import Candidate, Costs, Owner, Piece, next_piece

RESERVE = 30.0  # seconds before the end in which processes stop and save their state


class Training:
    """Trains one piece after the other, in several threads.

    Args:
        found: the cells worth training.
        taken: the seeds that are complete already.
        store: the folder of the stores, one for each piece; a later run resumes from them.
        to: the folder of the summaries, one for each config; this folder is all that has to be kept.
        end: when to stop, in seconds of `time.monotonic`.
        longest: seconds that a piece of several seeds may take.
        say: what to do with a line of progress.
    """

    def __init__(
        self,
        found: Sequence[Candidate],
        taken: dict[Owner, set[int]],
        *,
        store: Path,
        to: Path,
        end: float,
        longest: float,
        say: Callable[[str], None] = print,
    ):
        self.found, self.taken, self.costs = found, taken, Costs()
        self.store, self.to, self.end, self.longest, self.say = store, to, end, longest, say
        self._lock = threading.Lock()
        self._fault: BaseException | None = None

    def run(self, cores: Sequence[frozenset[int]]) -> None:
        """Train in one thread for each set of cores; no core is set where it is empty.

        Raises:
            RuntimeError: a piece failed; the numbers of the others are kept.
        """
        threads = [threading.Thread(target=self._work, args=work) for work in enumerate(cores)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self._fault is not None:
            raise self._fault

    def stop(self) -> None:
        """End now, as if the time were over."""
        self.end = min(self.end, time.monotonic())

    @property
    def _left(self) -> float:
        return self.end - RESERVE - time.monotonic()

    def _work(self, worker: int, cores: frozenset[int]) -> None:
        try:
            while (piece := self._take()) is not None:
                begun = time.monotonic()
                out = self._train(piece, worker, cores)
                with self._lock:
                    self._keep(piece, out, time.monotonic() - begun)
        except BaseException as fault:
            self._fault = self._fault or fault

    def _take(self) -> Piece | None:
        with self._lock:
            if self._fault is not None or self._left <= 0:
                return None
            piece = next_piece(self.found, self.taken, self.costs, seconds=self._left, longest=self.longest)
            if piece is not None:
                self.taken.setdefault(piece.candidate.owner, set()).update(piece.seeds)
                self.say(piece.plan)
            return piece

    def _train(self, piece: Piece, worker: int, cores: frozenset[int]) -> Path:
        """Train a piece, or what of it the time allows. Returns the directory of its store."""
        cell = piece.candidate.cell
        name = f"{piece.candidate.config.stem}-{cell.key}-{worker}"
        self.store.mkdir(parents=True, exist_ok=True)
        config, out, log = (self.store / f"{name}{end}" for end in (".toml", "", ".log"))
        config.write_text(config_of_block(cell, piece.seeds), encoding="utf-8")
        command = [sys.executable, "-m", "tpo_runs", str(config), "--out", str(out)]
        with log.open("w") as lines, subprocess.Popen(command, stdout=lines, stderr=lines) as child:
            if cores:
                os.sched_setaffinity(child.pid, cores)
            while child.poll() is None and self._left > 0:
                time.sleep(0.2)
            if child.poll() is None:
                child.terminate()
                child.wait()
            elif child.returncode not in (0, DIVERGED) and self._left > 0:
                raise RuntimeError(f"{piece.words}: training failed; the messages are in {log}")
        return out

    def _keep(self, piece: Piece, out: Path, seconds: float) -> None:
        """Add the seeds that are complete to the summary of their config."""
        config, cell = piece.candidate.config, piece.candidate.cell
        try:
            trained = summarize(Store(out))
        except ConfigError:
            return  # the time was over before a seed was complete
        about = load_config(config).config
        cells = [replace(result, method=cell.method, point=cell.point) for result in trained.cells]
        summaries = [replace(trained, title=about.title, paper=about.paper, cells=cells)]
        path = self.to / f"{config.stem}.json"
        if path.exists():
            summaries.insert(0, read_summary(path))
        self.to.mkdir(parents=True, exist_ok=True)
        write_file(path, summary_bytes(combine_summaries(summaries)))
        complete = {seed for result in cells for seed in result.seeds.tolist()}.intersection(piece.seeds)
        if complete:
            self.costs.measure(cell, seconds / len(complete))
            self.say(f"{piece.words}: {len(complete)} complete in {duration(seconds)}, kept in {path}")

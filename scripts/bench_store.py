"""What a store of many blocks costs: `--list`, the scan of a run that is resumed, figures over a tenth of it.

python scripts/bench_store.py [--blocks 1000,10000,100000] [--figure figures/store/store]

The blocks are real files, of one seed and 200 steps each, in a hundred cells. Each measurement is a process
of its own, whose memory is its highest.
"""

import argparse
import contextlib
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from benchmark.bandit import bandit_config

from tpo_runs import Store, load_config
from tpo_runs._files import SUMS, json_bytes, sealed, sums
from tpo_runs._run import list_cells
from tpo_runs._store import PROVENANCE, TIMING, block_name, manifest

CELLS, STEPS, SHARE = 100, 200, 10
WHAT = {"list": "--list", "resume": "scan to resume", "draw": "figures over a tenth"}


def write_config(path: Path, cells: int, seeds: int) -> None:
    rates = [round(0.001 * (i + 1), 3) for i in range(cells)]
    grid = f'[grid]\n"optimizer.learning_rate" = {rates}\n'
    path.write_text(bandit_config(STEPS, seeds) + grid)


def fill(directory: Path, blocks: int) -> None:
    """Write the blocks; without the fsyncs of a run, which would take most of an hour."""
    seeds = blocks // CELLS
    write_config(directory / "all.toml", CELLS, seeds)
    write_config(directory / "tenth.toml", CELLS // SHARE, seeds)
    loaded, store = load_config(directory / "all.toml"), Store(directory / "out")
    store.write_run(manifest(loaded, store), loaded.config)
    error = np.geomspace(1, 1e-3, STEPS, dtype=np.float32)[None]
    facts = {"versions": {"jax": "0"}, "python": "3", "diverged": {}}
    for cell in loaded.cells:
        store.write_block(cell, [0], {"error": error, "loss": error}, facts, {"seconds": 1.0}, "# a config\n")
        (first,) = (block.path for block in store.blocks(cell.key))
        files = {path.name: path.read_bytes() for path in first.iterdir()}
        for seed in range(1, seeds):
            copy_block(first.with_name(block_name([seed])), files, error, facts, seed)


def copy_block(path: Path, files: dict[str, bytes], error: np.ndarray, facts: dict, seed: int) -> None:
    from tpo_runs._store import METRICS, write_metrics

    path.mkdir()
    for name, content in files.items():
        (path / name).write_bytes(content)
    write_metrics(path / METRICS, [seed], {"error": error, "loss": error})
    place = {"cell": path.parent.name, "seeds": [seed]}
    (path / PROVENANCE).write_bytes(json_bytes({**facts, **place}))
    (path / TIMING).write_bytes(sealed({"seconds": 1.0, **place}))
    (path / SUMS).write_text(sums(path, [name for name in files if name not in (SUMS, TIMING)]))


def measured(what: str, directory: Path) -> dict[str, float]:
    """Seconds and the highest memory in MB of one thing that a run does with its store."""
    import io

    from rich.console import Console

    from tpo_runs import draw
    from tpo_runs._run import blocks_of

    loaded, store = load_config(directory / "all.toml"), Store(directory / "out")
    if what == "draw":
        loaded = load_config(directory / "tenth.toml")
        other = Store(directory / "tenth")
        other.root.mkdir(exist_ok=True)
        if not other.cells.exists():
            # A store holds no links, so these are the same files under another name.
            shutil.copytree(store.cells, other.cells, copy_function=os.link)
        other.write_run(manifest(loaded, other), loaded.config)
        store = other
    began = time.perf_counter()
    if what == "list":
        with contextlib.redirect_stdout(io.StringIO()):
            list_cells(loaded, store, json=False)
    elif what == "resume":
        store.remove_unfinished()
        assert not any(blocks_of(cell, store.finished_seeds(cell.key)) for cell in loaded.cells)
        assert all(len(store.provenances(cell.key)) for cell in loaded.cells)
    else:
        assert draw(store, Console(file=io.StringIO()))
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3}


def draw_figure(rows: list[dict], stem: Path) -> None:
    from matplotlib.figure import Figure

    from tpo_runs import save_figure

    figure = Figure(figsize=(7, 2.8), layout="constrained")
    seconds, memory = figure.subplots(1, 2)
    for name, label in WHAT.items():
        counts = [row["blocks"] for row in rows]
        seconds.plot(counts, [row[name]["seconds"] for row in rows], marker="o", label=label)
        memory.plot(counts, [row[name]["megabytes"] for row in rows], marker="o", label=label)
    seconds.set(xscale="log", yscale="log", xlabel="finished blocks in the store", ylabel="seconds")
    memory.set(
        xscale="log", xlabel="finished blocks in the store", ylabel="highest memory, MB", ylim=(0, None)
    )
    seconds.legend(fontsize=8, frameon=False)
    save_figure(figure, stem)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--blocks", default="1000,10000,100000", help="sizes of the store, in hundreds")
    parser.add_argument("--figure", type=Path, help="where to draw the measurements, without an ending")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measured(arguments.measure[0], Path(arguments.measure[1]))))
        return
    rows = []
    for blocks in map(int, arguments.blocks.split(",")):
        with tempfile.TemporaryDirectory() as scratch:
            fill(Path(scratch), blocks)
            row = {"blocks": blocks}
            for what in WHAT:
                words = [sys.executable, __file__, "--measure", what, scratch]
                row[what] = json.loads(subprocess.check_output(words, text=True))
        told = "; ".join(f"{WHAT[w]} {row[w]['seconds']:.2f} s, {row[w]['megabytes']:.0f} MB" for w in WHAT)
        print(f"{blocks:,} blocks: {told}", flush=True)
        rows.append(row)
    if arguments.figure:
        draw_figure(rows, arguments.figure)


if __name__ == "__main__":
    main()

"""Each tracker by its own reader: what it holds is what the store holds. `nox -s trackers` has them all."""

import importlib.util
import json
import os
import signal
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from reliability import CONFIG, contents, finish, start

from tpo_runs import CellResult, Store
from tpo_runs._config import TRACKERS

STEPS = 50


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(CONFIG.replace("steps = 6000", f"steps = {STEPS}"))
    return path


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Nothing leaves this machine, or is written outside of the test's directory."""
    names = ("HOME", "WANDB_CONFIG_DIR", "WANDB_CACHE_DIR", "HF_HOME")
    home = {name: str(tmp_path / "home") for name in names}
    offline = {"WANDB_MODE": "offline", "WANDB_SILENT": "true", "HF_HUB_OFFLINE": "1"}
    return {**home, **offline, "TRACKIO_DIR": str(tmp_path / "trackio")}


def need(name: str) -> None:
    """Skip a test whose tracker is not there, but for the session that is about them."""
    missing = [module for module in (TRACKERS[name], name) if importlib.util.find_spec(module) is None]
    if missing and os.environ.get("TPO_TRACKERS_REQUIRED"):
        pytest.fail(f"{missing[0]} is not installed")
    if missing:
        pytest.skip(f"{missing[0]} is not installed: nox -s trackers")


def train(config: Path, environment: dict[str, str], *words: str) -> Path:
    out = config.parent / "out"
    code, errors = finish(start(config, "--out", out, "--quiet", *words, **environment))
    assert (code, errors) == (0, "")
    return out


def check(found: dict[str, dict[int, float]], result: CellResult, *, steps: int = STEPS) -> None:
    """What was found by name and step is what the store has."""
    errors = result.metrics["error"]
    assert {f"{name}/{what}" for name in ("error", "loss") for what in ("mean", "seed_0", "seed_1")} <= set(
        found
    )
    for name, values in found.items():
        assert list(values) == list(range(steps)), name
    for seed in (0, 1):
        np.testing.assert_allclose(list(found[f"error/seed_{seed}"].values()), errors[seed], rtol=1e-6)
    np.testing.assert_allclose(list(found["error/mean"].values()), errors.mean(axis=0), rtol=1e-6, atol=1e-9)


def by_method(out: Path) -> dict[str, CellResult]:
    return {result.method: result for result in Store(out).results()}


def tensorboard_of(directory: Path) -> dict[str, dict[int, float]]:
    """The scalars of a directory of event files, with no step twice."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(directory), size_guidance={"scalars": 0})
    events.Reload()
    found = {}
    for name in events.Tags()["scalars"]:
        scalars = events.Scalars(name)
        found[name] = {scalar.step: scalar.value for scalar in scalars}
        assert len(found[name]) == len(scalars), name
    return found


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tensorboard_reads_what_the_store_holds(config, environment):
    need("tensorboard")
    out = train(config, environment, "--track", "tensorboard")
    for method, result in by_method(out).items():
        check(tensorboard_of(out / "tensorboard" / method / "seeds 0 to 1"), result)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_killed_run_loses_nothing_and_sends_no_step_twice(config, environment):
    need("tensorboard")
    longer = CONFIG.replace("steps = 6000", "steps = 2000")
    config.write_text(longer + '\n[tracking]\nto = ["tensorboard"]\npoints = 1000000\n')
    whole, out = config.parent / "whole", config.parent / "out"
    assert finish(start(config, "--out", whole, "--quiet", **environment)) == (0, "")
    process = start(config, "--out", out, "--quiet", **environment)
    deadline = time.monotonic() + 200
    while not list(out.glob("cells/*/checkpoints/*/*")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not (out / "figures").exists()
    code, warning = finish(start(config, "--out", out, "--quiet", **environment))
    assert (code, warning.count("\n")) == (0, 1)
    assert warning.startswith("taken over from process")

    def of_run(root: Path) -> dict[str, str]:
        return {name: d for name, d in contents(root).items() if not name.startswith("tensorboard")}

    there, expected = of_run(out), of_run(whole)
    assert {name: d for name, d in there.items() if "/tracking/" not in name} == {
        name: d for name, d in expected.items() if "/tracking/" not in name
    }
    for method, result in by_method(out).items():
        check(tensorboard_of(out / "tensorboard" / method / "seeds 0 to 1"), result, steps=2000)


def wandb_records(path: Path) -> Iterator[Any]:
    """The records of an offline run: protocol buffers in LevelDB's log format, after 7 bytes."""
    from wandb.proto import wandb_internal_pb2

    data, position, record = path.read_bytes(), 7, b""
    while position + 7 <= len(data):
        if (left := 32768 - position % 32768) < 7:
            position += left
            continue
        _, length, kind = struct.unpack("<IHB", data[position : position + 7])
        record += data[position + 7 : position + 7 + length]
        position += 7 + length
        if kind in (1, 4):  # the whole of a record, or its last part
            yield wandb_internal_pb2.Record.FromString(record)
            record = b""


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_wandb_holds_what_the_store_holds(config, environment):
    need("wandb")
    out = train(config, environment, "--track", "wandb", "--tracking.project", "mine")
    results, seen = by_method(out), []
    for path in out.glob("wandb/offline-run-*/*.wandb"):
        records = list(wandb_records(path))
        (run,) = [record.run for record in records if record.HasField("run")]
        seen.append(run.run_group)
        assert (run.project, run.display_name) == ("mine", f"{run.run_group}, seeds 0 to 1")
        settings = {item.key: json.loads(item.value_json) for item in run.config.update}
        assert settings["seeds"] == [0, 1]
        assert settings["schedule"]["steps"] == STEPS
        found: dict[str, dict[int, float]] = {}
        for record in records:
            items = {(item.nested_key or [item.key])[0]: item for item in record.history.item}
            for name in (name for name in items if "/" in name):
                step = int(items["_step"].value_json)
                found.setdefault(name, {})[step] = float(items[name].value_json)
        check(found, results[run.run_group])
    assert sorted(seen) == ["DG", "PG"]


def test_wandb_without_a_key_is_dropped_with_one_line_and_never_asks(config, environment):
    need("wandb")
    online = {**environment, "WANDB_MODE": "online", "WANDB_API_KEY": ""}
    out = config.parent / "out"
    code, errors = finish(start(config, "--out", out, "--quiet", "--track", "wandb", **online))
    assert code == 0
    (line,) = errors.splitlines()
    assert line.startswith("tracker wandb: RuntimeError: not logged in; run 'wandb login', or set ")
    assert set(by_method(out)) == {"PG", "DG"}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_trackio_holds_what_the_store_holds(config, environment, monkeypatch):
    need("trackio")
    out = train(config, environment, "--track", "trackio", "--tracking.project", "mine")
    import sqlite3

    (database,) = Path(environment["TRACKIO_DIR"]).glob("mine*.db")
    results, found = by_method(out), {}
    with sqlite3.connect(database) as connection:
        rows = connection.execute("select run_name, step, metrics from metrics order by step, id").fetchall()
    for name, step, text in rows:
        values = found.setdefault(name.partition(",")[0], {})
        for key, value in json.loads(text).items():
            assert step not in values.setdefault(key, {})
            values[key][step] = value
    assert set(found) == {"PG", "DG"}
    for method, values in found.items():
        check(values, results[method])

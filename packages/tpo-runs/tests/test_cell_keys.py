"""The keys of cells: stored results are found by them, so none may ever change."""

import json
from pathlib import Path
from typing import Annotated, Any

import pytest

from tpo_runs import Cell, Config, expand, load_config

ROOT = Path(__file__).parents[3]
FROZEN = json.loads((Path(__file__).parent / "data/cell_keys.json").read_text())
SUMMARIES = sorted((ROOT / "figures").glob("*/summary*.json"))


@pytest.mark.parametrize("name", FROZEN)
def test_the_cells_of_shipped_configs_keep_their_keys(name: str) -> None:
    file, _, smoke = name.partition(" ")
    cells = load_config(ROOT / "configs" / file, smoke=bool(smoke)).cells
    assert {cell.label: cell.key for cell in cells} == FROZEN[name]


def test_every_shipped_config_is_frozen() -> None:
    assert {name.partition(" ")[0] for name in FROZEN} == {
        path.name for path in (ROOT / "configs").glob("*.toml")
    }


def test_published_results_keep_their_keys() -> None:
    records = [cell for path in SUMMARIES for cell in json.loads(path.read_text())["cells"]]
    assert len(records) > 50
    assert {record["key"]: cell_of(record["spec"]).key for record in records} == {
        record["key"]: record["key"] for record in records
    }


def cell_of(spec: dict[str, Any]) -> Any:
    """The cell of stored settings."""
    own = {"name": "A", "objective": spec["objective"], "rollout": spec["rollout"]}
    shared = {name: table for name, table in spec.items() if name not in own}
    (cell,) = expand(Config.model_validate({**shared, "method": [own]}))
    return cell


def test_a_key_that_is_added_later_changes_no_cell_at_its_default() -> None:
    from tpo_runs._config import Identity

    (cell, *_) = load_config(ROOT / "configs/transformer_rlvr.toml").cells
    task: Any = type(cell.task)

    class Newer(task):
        noise: Annotated[float, Identity.UNLESS_DEFAULT] = 0.0

    def key(**keys: Any) -> str:
        return Cell.model_construct(**{**dict(cell), "task": Newer(**cell.task.model_dump(), **keys)}).key

    assert key() == cell.key
    assert key(noise=0.0) == cell.key
    assert key(noise=0.5) != cell.key


def test_where_a_data_set_lies_is_no_part_of_the_key(tmp_path: Path) -> None:
    config = ROOT / "configs/mnist.toml"
    here = load_config(config).cells
    there = load_config(config, overrides=[("task.directory", str(tmp_path))]).cells
    assert there[0].task.model_dump()["directory"] == str(tmp_path)
    assert [cell.key for cell in there] == [cell.key for cell in here]


def test_a_store_that_has_the_folder_in_its_keys_is_taken_over(tmp_path: Path) -> None:
    import numpy as np

    from tpo_runs import Store
    from tpo_runs._config import key_of

    overrides = [("task.directory", str(tmp_path))]
    (cell, *_) = load_config(ROOT / "configs/mnist.toml", overrides=overrides).cells
    identity = {**cell.identity(), "task": cell.task.model_dump(mode="json")}
    store = Store(tmp_path / "out")
    store.write_block(cell, [0], {"loss": np.zeros((1, 2), np.float32)}, {}, {"seconds": 1.0})
    before = tmp_path / "out/cells" / key_of(identity)
    (tmp_path / "out/cells" / cell.key).rename(before)
    (before / "spec.json").write_text(json.dumps(identity, indent=2, sort_keys=True) + "\n")
    assert store.finished_seeds(cell.key) == set()
    store.adopt(cell)
    assert store.finished_seeds(cell.key) == {0}
    assert not before.exists()

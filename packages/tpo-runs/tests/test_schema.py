"""The JSON Schema of configs, by an independent validator."""

import copy
import json
from typing import Any

import jsonschema
import pytest

from tpo_runs._config import FIGURES, KINDS, config_schema

RIGHT: dict[str, Any] = {
    "task": {"kind": "tokens", "target": "copy", "reward": "terminal", "horizon": 4, "vocab_size": 2},
    "policy": {"kind": "transformer"},
    "optimizer": {"kind": "muon", "learning_rate": 1},
    "schedule": {"steps": 20},
    "figures": ["learning_curves", {"kind": "sweep", "axis": "task.horizon"}],
    "probes": ["gradient_norm"],
    "evaluation": {"every": 5},
    "grid": {"task.horizon": [2, 4]},
    "smoke": {"task": {"horizon": 2}, "schedule": {"steps": 2}, "methods": ["TPO"]},
    "method": [
        {
            "name": "TPO",
            "objective": {"kind": "tpo", "eta": 1},
            "rollout": {"kind": "sequence_group", "prompts": 4, "candidates": 2},
            "optimizer": {"learning_rate": 0.1},
        },
        {
            "name": "Own",
            "objective": {"kind": "my_package.losses:own", "weight": 2.0, "names": ["a"]},
            "rollout": {"kind": "single", "prompts": 4, "baseline": "batch_mean"},
        },
    ],
}


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft7Validator:
    schema = config_schema()
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema)


def test_a_right_config_is_valid(validator):
    validator.validate(RIGHT)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("schedule", "step"), 3),
        (("schedule", "steps"), 0),
        (("schedule", "steps"), "20"),
        (("task", "kind"), "token"),
        (("task", "reward"), "terminall"),
        (("policy", "heads"), 0),
        (("optimizer", "learning_rate"), -1.0),
        (("figures",), ["learning_curve"]),
        (("figures",), ["binned_surplus"]),
        (("figures",), [{"kind": "sweep", "axes": "task.horizon"}]),
        (("probes",), ["gradient"]),
        (("evaluation", "measures"), ["errors"]),
        (("grid",), {"tusk.horizon": [1]}),
        (("grid",), {"task.horizon": []}),
        (("smoke", "task"), {"horizn": 2}),
        (("smoke", "method"), []),
        (("method", 0, "objective"), {"kind": "tpo", "beta": 1}),
        (("method", 0, "objective"), {"eta": 1.0}),
        (("method", 0, "objective"), {"kind": "mine", "weight": 1.0}),
        (("method", 0, "rollout", "candidates"), 0),
        (("method", 0, "optimizer"), {"learning": 0.1}),
        (("method",), []),
        (("tasks",), {}),
    ],
    ids=str,
)
def test_a_wrong_key_or_value_is_not(validator, path, value):
    config = copy.deepcopy(RIGHT)
    table = config
    for key in path[:-1]:
        table = table[key]
    table[path[-1]] = value
    assert not validator.is_valid(config)


@pytest.mark.parametrize("section", ["task", "policy", "optimizer", "schedule", "method"])
def test_what_a_config_needs_is_required(validator, section):
    assert not validator.is_valid({key: value for key, value in RIGHT.items() if key != section})


def test_every_kind_is_in_it_and_every_key_is_described():
    schema = config_schema()
    for name, family in {**KINDS, "figure": FIGURES}.items():
        for kind, model in family.items():
            table = schema["definitions"][f"{name}_{kind}"]
            assert set(table["properties"]) == set(model.model_fields)
            assert table["properties"]["kind"]["const"] == kind
    assert "null" not in json.dumps(schema)
    undescribed = [key for key, value in schema["properties"].items() if not value.get("description")]
    assert set(undescribed) <= {
        "task",
        "policy",
        "optimizer",
        "schedule",
        "evaluation",
        "tracking",
        "executor",
        "tune",
    }
    assert (
        schema["definitions"]["schedule"]["properties"]["seeds"]["description"] == "independent repetitions."
    )

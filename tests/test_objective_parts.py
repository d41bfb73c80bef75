"""What `tpo-runs check` says that a policy gradient is made of is what it calls."""

import functools
import inspect
import sys

import jax.numpy as jnp
import pytest

import tpo_objectives
from tpo_objectives import advantages, aggregates, surrogates
from tpo_runs._config import OBJECTIVES

SPECS = {kind: spec for kind, spec in OBJECTIVES.items() if spec.parts.startswith("advantage")}
COMPOSED = [
    kind for kind in SPECS if "compose(" in inspect.getsource(inspect.unwrap(getattr(tpo_objectives, kind)))
]


def called_by(kind, monkeypatch):
    """The parts that an objective composes, by name; those of its own file are left out."""
    function = inspect.unwrap(getattr(tpo_objectives, kind))
    given = {}
    monkeypatch.setattr(sys.modules[function.__module__], "compose", lambda *_, **parts: given.update(parts))
    function(*[jnp.zeros((2, 3))] * 3)
    named = {}
    for part, module, usual in (
        ("advantage", advantages, "standardized"),
        ("surrogate", surrogates, "clipped"),
        ("aggregate", aggregates, "sequence_mean"),
    ):
        chosen = given.get(part)
        if chosen is None:
            named[part] = usual
            continue
        chosen = chosen.func if isinstance(chosen, functools.partial) else chosen
        for name in module.__all__:
            if getattr(module, name) is chosen:
                named[part] = name
    named["ratio"] = "none" if named.get("surrogate") == "plain" else given.get("ratio", "token")
    return named


def test_most_are_composed():
    assert len(COMPOSED) == 16


@pytest.mark.parametrize("kind", COMPOSED)
def test_the_parts_are_those_that_are_called(kind, monkeypatch):
    said = dict(part.split(" ", 1) for part in SPECS[kind].parts.split("; "))
    called = called_by(kind, monkeypatch)
    if kind == "gmpo":  # its ratio is its own
        called.pop("ratio")
    assert {part: said[part] for part in called} == called


@pytest.mark.parametrize("kind", OBJECTIVES)
def test_every_objective_says_what_it_is_made_of(kind):
    assert OBJECTIVES[kind].parts

"""What each package may import, what it must declare for that, and what must not load JAX."""

import ast
import itertools
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]

# The first three packages never import each other: tasks and policies meet in tpo_runs as values.
ALLOWED = {
    "tpo_objectives": {"jax", "jaxtyping", "numpy", *("torch", "trl", "tunix", "flax")},
    "tpo_envs": {"jax", "equinox", "numpy", "jaxtyping", "gymnasium"},
    "tpo_models": {"jax", "equinox", "jaxtyping", "numpy"},
    "tpo_runs": {
        *("tpo_objectives", "tpo_envs", "tpo_models"),
        *("jax", "equinox", "jaxtyping", "numpy", "optax", "scipy", "matplotlib"),
        *("pydantic", "pydantic_core", "rich", "pyarrow", "filelock", "tomli_w"),
        *("jinja2", "markupsafe", "plotly"),
    },
}
# Extras that have modules to themselves, which are loaded when something of them is first used.
FROM_EXTRAS = {
    "tpo_objectives": {"torch", "trl", "tunix", "flax"},
    "tpo_envs": {"jax", "equinox", "gymnasium"},
}
# The doors for trainers of others, each with the only names of files that may import them.
TRAINERS = {
    "torch": r"_?torch\w*|_?trl\w*|verl",
    "trl": r"_?trl\w*",
    "tunix": r"_?tunix\w*",
    "flax": r"_?tunix\w*",
}
# Extras may be missing, so they are imported only by the functions that need them.
ALLOWED_IN_FUNCTIONS = {
    "tpo_envs": {"PIL", "datasets", "pyarrow", "reasoning_gym", "sklearn"},
    "tpo_models": {"jinja2"},
    "tpo_runs": {"ray", "submitit", "tensorboardX", "trackio", "wandb"},
}
DISTRIBUTIONS = {
    "PIL": "pillow",
    "markupsafe": "jinja2",
    "pydantic_core": "pydantic",
    "sklearn": "scikit-learn",
    "tunix": "google-tunix",
}


class Import(NamedTuple):
    """One import of a top-level module from outside the package."""

    module: str
    in_function: bool
    place: str


def imports_of(package: str) -> list[Import]:
    """All imports in the sources of `package`, but for the standard library and the package itself."""
    sources = sorted((ROOT / "packages" / package.replace("_", "-") / "src" / package).rglob("*.py"))
    assert sources, f"no sources found for {package}"
    found = [item for path in sources for item in _imports(ast.parse(path.read_text()), path)]
    return [item for item in found if item.module not in sys.stdlib_module_names | {package}]


def _imports(node: ast.AST, path: Path, in_function: bool = False) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        place = f"{path.relative_to(ROOT)}:{getattr(child, 'lineno', 0)}"
        match child:
            case ast.Import(names=names):
                yield from (Import(name.name.split(".")[0], in_function, place) for name in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield Import(module.split(".")[0], in_function, place)
        is_function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        # What is imported for type checkers alone is not imported when the module is.
        is_function |= isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
        yield from _imports(child, path, in_function or is_function)


def requirement_names(requirements: Iterable[str]) -> set[str]:
    """The distributions named by requirement strings such as `jax>=0.10.2,<0.13`."""
    return {re.match(r"[\w.-]+", requirement)[0] for requirement in requirements}


@pytest.mark.parametrize("package", ALLOWED)
def test_a_package_imports_only_what_it_may(package):
    everywhere = ALLOWED[package]
    in_functions = everywhere | ALLOWED_IN_FUNCTIONS.get(package, set())
    broken = [
        f"{item.place} imports {item.module}"
        for item in imports_of(package)
        if item.module not in (in_functions if item.in_function else everywhere)
    ]
    assert broken == []


@pytest.mark.parametrize("package", ALLOWED)
def test_declared_dependencies_cover_the_imports(package):
    pyproject = ROOT / "packages" / package.replace("_", "-") / "pyproject.toml"
    project = tomllib.loads(pyproject.read_text())["project"]
    required = requirement_names(project["dependencies"])
    extras = requirement_names(itertools.chain(*project.get("optional-dependencies", {}).values()))
    undeclared = [
        f"{item.place} imports {item.module}"
        for item in imports_of(package)
        if DISTRIBUTIONS.get(item.module, item.module.replace("_", "-"))
        not in (
            required | extras if item.in_function or item.module in FROM_EXTRAS.get(package, ()) else required
        )
    ]
    assert undeclared == []


@pytest.mark.parametrize("trainer", TRAINERS)
def test_only_the_door_of_a_trainer_imports_it(trainer):
    places = [item.place for item in imports_of("tpo_objectives") if item.module == trainer]
    assert places
    assert [p for p in places if not re.fullmatch(TRAINERS[trainer], Path(p.partition(":")[0]).stem)] == []


def test_the_objectives_are_imported_without_any_trainer():
    modules = modules_of(["-c", "import tpo_objectives"])
    assert "tpo_objectives._tpo" in modules
    assert not modules & {"torch", "trl", "transformers", "tunix", "flax"}
    doors = {"tpo_objectives.torch", "tpo_objectives.trl", "tpo_objectives.tunix", "tpo_objectives.verl"}
    assert not modules & doors


def modules_of(arguments: list[str]) -> set[str]:
    """What a Python process imports, which must end well."""
    command = [sys.executable, "-X", "importtime", *arguments]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    imported = [line for line in finished.stderr.splitlines() if line.startswith("import time:")]
    assert finished.returncode == 0, finished.stderr.replace("\n".join(imported), "")
    return {line.rpartition("|")[2].strip() for line in imported}


@pytest.mark.parametrize("arguments", [["-c", "import tpo_runs"], ["-m", "tpo_runs", "--help"]], ids=" ".join)
def test_the_command_line_answers_before_jax_is_loaded(arguments):
    modules = modules_of(arguments)
    assert "tpo_runs" in modules
    assert not modules & {"jax", "jaxlib", "equinox", "optax"}


def test_a_worker_of_a_cluster_sets_its_environment_before_jax_is_loaded():
    modules = modules_of(["-c", "import tpo_runs._worker"])
    assert "tpo_runs._worker" in modules
    assert "jax" not in modules


def test_tasks_for_numpy_need_no_jax():
    task = "tpo_envs.make_numpy('brackets-terminal-h4-v4')"
    modules = modules_of(
        ["-c", f"import tpo_envs; t = {task}; t.score(t.sample(0, 9), t.answer(t.sample(0, 9)))"]
    )
    assert "tpo_envs._numpy_tokens" in modules
    assert not modules & {"jax", "jaxlib", "equinox", "gymnasium", "datasets"}


# The rooms of tpo_runs. A room may import from those before it, and from the files beside the rooms.
ROOMS = ("_learn", "_config", "_results", "_figures", "_store", "_paper", "_publish", "_run", "_cli")
RUNS = ROOT / "packages" / "tpo-runs" / "src" / "tpo_runs"


def relative_imports(folder: Path) -> Iterator[tuple[Path, ast.ImportFrom, bool]]:
    """The imports between files of tpo_runs, and whether a function has them."""

    def walk(node: ast.AST, path: Path, in_function: bool) -> Iterator[tuple[Path, ast.ImportFrom, bool]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ImportFrom) and child.level:
                yield path, child, in_function
            is_function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.If)
            yield from walk(child, path, in_function or is_function)

    for path in sorted(folder.rglob("*.py")):
        yield from walk(ast.parse(path.read_text()), path, False)


def test_every_file_of_tpo_runs_is_in_a_room_or_beside_the_rooms():
    assert {path.name for path in RUNS.iterdir() if path.is_dir() and path.name[0] == "_"} - {
        "__pycache__"
    } == set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_from_rooms_before_it_and_by_their_door(room):
    allowed = set(ROOMS[: ROOMS.index(room)])
    broken = []
    for path, node, _ in relative_imports(RUNS / room):
        if node.level < 2:
            continue
        target, _, inside = (node.module or "").partition(".")
        if inside or (target in ROOMS and target not in allowed):
            broken.append(f"{path.relative_to(RUNS)}:{node.lineno} imports {node.module}")
    assert broken == []


def test_files_beside_the_rooms_import_no_room():
    broken = [
        f"{path.name}:{node.lineno} imports {node.module}"
        for path, node, in_function in relative_imports(RUNS)
        if path.parent == RUNS and path.stem not in ("__init__", "__main__") and not in_function
        if (node.module or "").partition(".")[0] in ROOMS
    ]
    assert broken == []


def test_the_science_knows_neither_configs_nor_disk():
    imported = {node.module for _, node, _ in relative_imports(RUNS / "_learn") if node.level == 2}
    assert imported <= {"_errors", "_text"}


def test_configs_are_read_without_jax():
    heavy = {"jax", "equinox", "optax", "numpy", "tpo_envs", "tpo_models", "tpo_objectives"}
    broken = [
        item.place
        for path in sorted((RUNS / "_config").glob("*.py"))
        for item in _imports(ast.parse(path.read_text()), path)
        if item.module in heavy and not item.in_function
    ]
    assert broken == []


def test_tests_and_scripts_enter_rooms_by_their_door():
    folders = (ROOT / "packages" / "tpo-runs" / "tests", ROOT / "tests", ROOT / "scripts")
    inner = re.compile(rf"from tpo_runs\.({'|'.join(ROOMS)})\.\w+ import")
    broken = [
        str(path.relative_to(ROOT))
        for folder in folders
        for path in sorted(folder.rglob("*.py"))
        if inner.search(path.read_text())
    ]
    assert broken == []

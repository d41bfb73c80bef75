"""What the sessions of noxfile.py share: how they install, test and build packages."""

import shutil
import sys
import tempfile
from pathlib import Path

import nox

ROOT = Path(__file__).parents[1]
PACKAGES = ["tpo-objectives", "tpo-envs", "tpo-models", "tpo-runs"]
# What a package's tests use besides its dependencies.
TEST_EXTRAS = {"tpo-envs": ["jax", "gymnasium"], "tpo-models": ["lm"]}
CONFIG = "configs/tabular_single.toml"
# All packages come from where they were installed, and bring their types.
IMPORTS = """
import pathlib, sys, tpo_envs, tpo_models, tpo_objectives, tpo_runs
for module in (tpo_envs, tpo_models, tpo_objectives, tpo_runs):
    folder = pathlib.Path(module.__file__).parent
    assert folder.is_relative_to(sys.prefix), folder
    assert (folder / "py.typed").is_file(), folder
    print(module.__name__, module.__version__)
"""
UV = "uv>=0.13,<0.14"
# As pip does, uv trusts the machine's certificates and compiles bytecode. It uses the Python that runs nox.
UV_ENV = {"UV_SYSTEM_CERTS": "1", "UV_COMPILE_BYTECODE": "1", "UV_PYTHON_DOWNLOADS": "never"}


FAST = "not slow and not browser and not cluster and not slurm and not lm and not adapters"
# Tests compile far longer than they compute, and start hundreds of interpreters, which read bytecode faster.
TEST_ENV = {"XLA_FLAGS": "--xla_backend_optimization_level=0", "PYTHONDONTWRITEBYTECODE": ""}
if sys.version_info < (3, 12):  # the JAX of newer Pythons no longer has the first flag
    TEST_ENV["XLA_FLAGS"] += " --xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"


def sync(session: nox.Session, *selection: str) -> None:
    """Install what the lock file names; `selection` is passed to `uv sync`."""
    place = session.virtualenv.location
    session.install(UV)
    session.run_install(
        *("uv", "sync", "--locked", "--active", "--inexact", *selection),
        env={**UV_ENV, "VIRTUAL_ENV": place, "UV_PROJECT_ENVIRONMENT": place, "UV_PYTHON": place},
    )


def sync_packages(session: nox.Session, *selection: str) -> None:
    """Install the four packages as editable, and their locked dependencies."""
    sync(session, "--all-packages", "--no-default-groups", *selection)


def pytest(session: nox.Session, *words: str, require: str = "", found: str = "1") -> None:
    """Run tests. Those that lack what `require` names fail instead of being skipped."""
    required = {f"TPO_{require}_REQUIRED": found} if require else {}
    session.run("pytest", *words, *session.posargs, env={**TEST_ENV, **required})


def pytest_with(session: nox.Session, selection: list[str], *words: str, require: str = "") -> None:
    """Install the packages with what their tests need, and run tests."""
    sync_packages(session, "--group=test", *selection)
    pytest(session, *words, require=require)


def install_unlocked(
    session: nox.Session, package: str, extras: list[str], resolution: str, *words: str
) -> None:
    """Install a package with its dependencies, some extras and the test tools, not as the lock file says."""
    # The dependencies are named beside the package, since `lowest-direct` looks only at what is named.
    project = nox.project.load_toml(f"packages/{package}/pyproject.toml")["project"]
    of_extras = [name for extra in extras for name in project["optional-dependencies"][extra]]
    test_tools = nox.project.dependency_groups(nox.project.load_toml("pyproject.toml"), "test")
    session.run_install(
        *("uv", "pip", "install", f"--resolution={resolution}", *words),
        *(*project["dependencies"], *of_extras, *test_tools),
        env={**UV_ENV, "VIRTUAL_ENV": session.virtualenv.location},
    )


def build_packages(session: nox.Session) -> None:
    """Build wheels and source archives into dist/, check them, and train from the wheels alone."""
    dist = ROOT / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    for name in PACKAGES:
        # The wheel is built from the source archive, so that one holds all it needs.
        session.run_install("uv", "build", f"--package={name}", f"--out-dir={dist}", env=UV_ENV)
    archives, wheels = sorted(dist.glob("*.tar.gz")), sorted(dist.glob("*.whl"))
    session.run("twine", "check", "--strict", *map(str, [*archives, *wheels]))
    with tempfile.TemporaryDirectory() as scratch, session.chdir(scratch):
        config = shutil.copy(ROOT / CONFIG, scratch)
        session.run("uv", "venv", "--quiet", f"--python={session.virtualenv.location}", "env", env=UV_ENV)
        programs = Path(scratch, "env", "Scripts" if sys.platform == "win32" else "bin")
        python, program = str(programs / "python"), str(programs / "tpo-runs")
        session.run("uv", "pip", "install", f"--python={python}", *map(str, wheels), env=UV_ENV)
        session.run(python, "-c", IMPORTS, external=True)
        session.run(program, "--help", external=True, silent=True)
        session.run(program, config, "--smoke", "--quiet", external=True)


def install_wheel(session: nox.Session, package: str, resolution: str, away: Path) -> str:
    """Install a package from its wheel, and copy its tests to `away`. Returns a flag of pytest for it."""
    module, extras = package.replace("-", "_"), TEST_EXTRAS.get(package, [])
    session.install(UV)
    with tempfile.TemporaryDirectory() as dist:
        for name in PACKAGES:
            command = ("uv", "build", "--wheel", f"--package={name}", f"--out-dir={dist}")
            session.run_install(*command, env=UV_ENV)
        (wheel,) = Path(dist).glob(f"{module}-*.whl")
        with_extras = f"{wheel}[{','.join(extras)}]" if extras else str(wheel)
        install_unlocked(session, package, extras, resolution, f"--find-links={dist}", with_extras)
    # The tests keep the workspace's pytest settings and fixtures, so these files go with them.
    sources = shutil.ignore_patterns("src", "__pycache__")
    shutil.copytree(ROOT / "packages" / package, away, ignore=sources)
    for shared in ("pyproject.toml", "conftest.py"):
        shutil.copy(ROOT / shared, away)
    return f"--jaxtyping-packages={module},beartype.beartype"

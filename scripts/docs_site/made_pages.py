"""Pages that are made from data: one for each config and package, the notebooks, and all keys of configs."""

import json
import re
import tomllib
from pathlib import Path

from links import copied
from reference import SCHEMA, reference

MODULES = {
    "tpo_objectives": [
        f"tpo_objectives.{part}"
        for part in (
            *("advantages", "surrogates", "aggregates", "kl", "corrections"),
            *("torch", "trl", "tunix", "verl"),
        )
    ],
    "tpo_envs": ["tpo_envs.gymnasium"],
    "tpo_models": [],
    "tpo_runs": [],
}
NOTEBOOKS = {
    "guides/experiment_notebook.md": "notebooks/experiment.ipynb",
    "guides/notebook.md": "notebooks/tpo_against_grpo.ipynb",
    "guides/language_model_notebook.md": "notebooks/language_model.ipynb",
}
# Links on the pages of experiments start from here; there is no such file.
EXPERIMENTS = "configs/README.md"
BESIDE = "**Beside arXiv 2604.06159**"


def made_pages(root: Path) -> dict[str, tuple[str, str]]:
    """All of them: place in the site to the file that links in it start from, and Markdown."""
    pages = {
        f"experiments/{name}.md": (EXPERIMENTS, _experiment(root, name)) for name in experiment_names(root)
    }
    pages |= {f"api/{module}.md": ("README.md", _api(root, module)) for module in MODULES}
    pages |= {place: (path, _notebook(root / path)) for place, path in NOTEBOOKS.items()}
    return pages | {"reference.md": (SCHEMA, reference(root))}


def experiment_names(root: Path) -> list[str]:
    """The configs, in the order of the table of experiments."""
    page = (root / "docs/experiments.md").read_text(encoding="utf-8")
    named = dict.fromkeys(re.findall(r"^\|[^|]+\| \[(\w+)\] \|", page, flags=re.MULTILINE))
    there = sorted(path.stem for path in root.glob("configs/*.toml"))
    return [*(name for name in named if name in there), *(name for name in there if name not in named)]


def _experiment(root: Path, name: str) -> str:
    text = (root / "configs" / f"{name}.toml").read_text(encoding="utf-8")
    config = tomllib.loads(text)
    about = " ".join(re.findall(r"^# (.*)$", text.partition("\ntitle")[0], flags=re.MULTILINE))
    folders = [path for path in sorted(root.glob("figures/*/")) if owner(root, path.name) == name]
    parts = [f"# {config['title']}", about, _facts(root, name, config)]
    commands = [f"tpo-runs configs/{name}.toml --smoke   # in miniature", f"tpo-runs configs/{name}.toml"]
    parts += ["\n".join(["```sh", *commands, "```"])]
    parts += ["[All configs, and the figures they reproduce](../docs/experiments.md)."]
    scale = " at the paper's scale" if "paper" in config else ""
    nothing = f"## Results\n\nThere are no results{scale} yet."
    parts += [_results(root, folder) for folder in folders] or [nothing]
    parts += ["## Config", f"`configs/{name}.toml`:", f"```toml\n{text.rstrip()}\n```"]
    return "\n\n".join(parts) + "\n"


def owner(root: Path, folder: str) -> str:
    """The config that a folder of figures was drawn from: the longest name that it begins with.

    A folder is named as its config, or with more after an underscore.
    """
    names = [path.stem for path in root.glob("configs/*.toml") if f"{folder}_".startswith(f"{path.stem}_")]
    return max(names, key=len, default="")


def _facts(root: Path, name: str, config: dict) -> str:
    schedule, paper = config["schedule"], config.get("paper")
    rows = {
        "paper": f"[arXiv 2604.06159](https://arxiv.org/abs/2604.06159), {paper}" if paper else "",
        "methods": ", ".join(method["name"] for method in config["method"]),
        "varied": "; ".join(
            f"`{axis}` {', '.join(map(str, v))}" for axis, v in config.get("grid", {}).items()
        ),
        "seeds": str(schedule["seeds"]),
        "steps": f"{schedule['steps']:,}",
    }
    cpu, gpu = _times(root, name)
    rows |= {"time on 2 CPU cores": cpu, "time on a GPU": gpu}
    lines = [f"| {key} | {value} |" for key, value in rows.items() if value]
    return "\n".join(["| | |", "| :-- | :-- |", *lines])


def _times(root: Path, name: str) -> tuple[str, str]:
    """How long it takes, by the first row of the table of experiments that names it."""
    source = "docs/experiments.md"
    page = copied((root / source).read_text(encoding="utf-8"), source, EXPERIMENTS)
    row = re.search(rf"^\|[^|]+\| \[{name}\] \|[^|]+\| ([^|]+) \| ([^|]+) \|$", page, flags=re.MULTILINE)
    if row is None:
        raise ValueError(f"{source} has no row for {name}")
    return row[1], row[2]


def _results(root: Path, folder: Path) -> str:
    place = f"../figures/{folder.name}"
    commands = (root / "figures/README.md").read_text(encoding="utf-8")
    row = re.search(rf"^\| `{folder.name}` \(([^|]+)\) \| `([^`]+)` \|$", commands, flags=re.MULTILINE)
    if row is None:
        raise ValueError(f"figures/README.md does not say what {folder.name} is and which command drew it")
    about, command = row.groups()
    summary = (folder / "summary.md").read_text(encoding="utf-8")
    summary = copied(summary, f"figures/{folder.name}/summary.md", EXPERIMENTS)
    _, first, *_ = re.split(r"^(?=\*\*)", summary, flags=re.MULTILINE)
    parts = [f"## Results: {about}", "Made by", f"```sh\n{command}\n```"]
    pictures = sorted(folder.glob("*.png"), key=lambda path: (path.stem == "final_errors", path.stem))
    parts += [f"![{path.stem.replace('_', ' ').capitalize()}]({place}/{path.name})" for path in pictures]
    parts += [first.strip()]
    if BESIDE in summary:
        parts += ["### Ours beside the paper's", summary.partition(BESIDE)[2].strip()]
    parts += [f"[All tables of this run, every seed among them]({place}/summary.md)."]
    return "\n\n".join(parts)


def _api(root: Path, module: str) -> str:
    package = module.replace("_", "-")
    init = (root / f"packages/{package}/src/{module}/__init__.py").read_text(encoding="utf-8")
    # `from ._x import y as y` is how a package names what it exports.
    public = sorted(set(re.findall(r"^ *from \._\w+ import (\w+) as \1$", init, flags=re.MULTILINE)))
    parts = [f"# API of {package}", f"What it is for: [{package}](packages/{package}/README.md)."]
    parts += [f"::: {module}\n    options:\n      members: {json.dumps(public)}"]
    for inner in MODULES[module]:
        parts += [
            f"## `{inner}`",
            f"::: {inner}\n    options:\n      heading_level: 3\n      filters: public",
        ]
    return "\n\n".join(parts) + "\n"


def _notebook(path: Path) -> str:
    """The cells of a notebook, with the outputs that are stored in it."""
    title, *cells = (_cell(cell) for cell in json.loads(path.read_text(encoding="utf-8"))["cells"])
    return "\n\n".join([title, f"[Download it as a notebook]({path.name}).", *cells]) + "\n"


def _cell(cell: dict) -> str:
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        return source
    parts = [f"```python\n{source}\n```"]
    for output in cell["outputs"]:
        data = output.get("data", {})
        if "image/png" in data:
            parts.append(
                f"![What the cell draws](data:image/png;base64,{''.join(data['image/png']).strip()})"
            )
        elif text := "".join(output.get("text", data.get("text/plain", ""))):
            parts.append(f"```text\n{text.rstrip()}\n```")
    return "\n\n".join(parts)

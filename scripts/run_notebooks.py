"""Run every notebook from its first cell on, and with --save store what it prints and draws.

python scripts/run_notebooks.py [--save] [NAME ...]
"""

import argparse
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]


def without_traces(notebook):
    """The notebook without what differs from machine to machine: dates, versions, empty settings."""
    notebook.metadata = {name: notebook.metadata[name] for name in ("kernelspec", "language_info")}
    notebook.metadata["language_info"] = {"name": "python"}
    for cell in notebook.cells:
        cell.metadata = {}
        for output in cell.get("outputs", []):
            output.pop("metadata", None)
            if "data" in output:
                output["metadata"] = {}
    return notebook


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--save", action="store_true", help="store the outputs in the notebooks")
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these notebooks, without .ipynb")
    arguments = parser.parse_args()
    paths = {path.stem: path for path in sorted(ROOT.glob("notebooks/*.ipynb"))}
    if unknown := set(arguments.names) - set(paths):
        parser.error(f"there is no notebook {min(unknown)!r}; there are {', '.join(paths)}")
    for path in map(paths.get, arguments.names or paths):
        notebook = nbformat.read(path, as_version=4)
        start = time.monotonic()
        folder = {"metadata": {"path": str(path.parent)}}
        NotebookClient(notebook, timeout=600, coalesce_streams=True, resources=folder).execute()
        print(f"{path.relative_to(ROOT)}: {time.monotonic() - start:.0f} s")
        if arguments.save:
            nbformat.write(without_traces(notebook), path)


if __name__ == "__main__":
    main()

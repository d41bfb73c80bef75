"""Questions and solutions of GSM8K from the Hub, a directory or a file."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ._hub import read_hub_tables
from ._image_dataset import DatasetError, one_line
from ._problems import is_held_out

_REPOSITORY = "openai/gsm8k"
_COLUMNS = ("question", "answer")
_ENDINGS = (".jsonl", ".parquet")
_INSTALL = "pip install 'tpo-envs[text]'"
_PARTS = {"train": "train", "held_out": "test"}


def read_gsm8k(path: str | os.PathLike[str] | None) -> dict[str, list[dict[str, Any]]]:
    """The rows of the splits `"train"` and `"held_out"`, which share no question.

    Raises:
        DatasetError: if a file, a column or the Hub is missing.
    """
    if path is None:
        splits = _from_hub()
    elif (place := Path(path).expanduser()).is_dir():
        splits = {split: _from_directory(place, part) for split, part in _PARTS.items()}
    else:
        rows = list(_unique(_read_file(place)))
        held_out = [row for row in rows if is_held_out(row["question"])]
        splits = {"train": rows, "held_out": held_out}
    held_out = list(_unique(splits["held_out"]))
    tested = {row["question"] for row in held_out}
    return {
        "train": [row for row in _unique(splits["train"]) if row["question"] not in tested],
        "held_out": held_out,
    }


def _unique(rows: Iterable[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    return {row["question"]: row for row in rows}.values()


def _from_hub() -> dict[str, list[dict[str, Any]]]:
    tables = read_hub_tables(
        _REPOSITORY,
        "main",
        tuple(_PARTS.values()),
        missing="gsm8k was not found: no path is given and",
        install=_INSTALL,
        otherwise="pass GSM8K a path with its files, train.jsonl and test.jsonl",
    )
    return {
        split: _checked(tables[part].to_pylist(), f"{_REPOSITORY} ({part})") for split, part in _PARTS.items()
    }


def _from_directory(directory: Path, part: str) -> list[dict[str, Any]]:
    files = sorted(path for ending in _ENDINGS for path in directory.glob(f"{part}*{ending}"))
    if not files:
        raise DatasetError(
            f"gsm8k: {directory} has no {part}*.jsonl or {part}*.parquet; it must have files of both splits, "
            "train and test"
        )
    return [row for path in files for row in _read_file(path)]


def _read_file(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        raise DatasetError(f"gsm8k: {path} does not exist; name a directory, a .jsonl or a .parquet file")
    if path.suffix not in _ENDINGS:
        raise DatasetError(f"gsm8k: {path} must end with .jsonl or .parquet")
    try:
        rows = _read_parquet(path) if path.suffix == ".parquet" else _read_lines(path)
    except DatasetError:
        raise
    # Parquet readers, decoders and the file system raise different errors.
    except Exception as error:
        raise DatasetError(
            f"gsm8k: {path} cannot be read as {path.suffix} ({one_line(error)}); get another copy"
        ) from error
    return _checked(rows, str(path))


def _read_lines(path: Path) -> list[Any]:
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def _read_parquet(path: Path) -> list[Any]:
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise DatasetError(f"gsm8k: reading {path} needs pyarrow ({error}); run: {_INSTALL}") from error
    return parquet.ParquetFile(path).read().to_pylist()


def _checked(rows: list[Any], place: str) -> list[dict[str, Any]]:
    """The rows, if each has a question and an answer in text."""
    if not rows:
        raise DatasetError(f"gsm8k: {place} has no problems; get another copy")
    for number, row in enumerate(rows, start=1):
        found = row if isinstance(row, dict) else {}
        for column in _COLUMNS:
            if not isinstance(found.get(column), str):
                raise DatasetError(
                    f"gsm8k: row {number} of {place} must have the texts 'question' and 'answer', but "
                    f"{column!r} is {'not a text' if column in found else 'missing'}; it has "
                    f"{', '.join(map(repr, found)) or 'no columns'}"
                )
    return rows

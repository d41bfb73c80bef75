"""What went wrong in one cell while the others went on."""

import traceback
from pathlib import Path

from ._wording import ascii_safe

LONGEST = 300


def told(error: BaseException) -> str:
    """An exception in one line: its type, the first line of its message, and where it was raised."""
    message = next(iter(str(error).strip().splitlines()), "")
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return ascii_safe(f"{type(error).__name__}: {message[:LONGEST]}{where}")


def write_traceback(directory: Path, name: str, error: BaseException) -> Path:
    """Keep the whole traceback in a file, for whoever wants to find the cause."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{name}.txt"
    path.write_text("".join(traceback.format_exception(error)), encoding="utf-8", errors="backslashreplace")
    return path

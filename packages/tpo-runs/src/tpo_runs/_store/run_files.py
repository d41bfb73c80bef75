"""The files of a whole run: its manifest, its config, choices of `[tune]`, and tracebacks."""

import contextlib
import os
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from .._config import Config, config_of_run, has_settings, is_sealed
from .._errors import ConfigError, as_config_error
from .._files import DamagedError, sealed, unsealed, write_file
from .layout import CHOICES, EDITED_CONFIG, KEY, Layout
from .output_directory import check_plain, holds_results

FORMAT = 1


class RunFiles(Layout):
    """Reads and writes the files of a whole run."""

    def write_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Say which cells belong to the run; `manifest["cells"]` lists method, point, key and seeds."""
        self.root.mkdir(parents=True, exist_ok=True)
        made_by = {"format": FORMAT, "version": version("tpo-runs")}
        write_file(self.manifest_path, sealed({**manifest, **made_by}))

    def write_run(self, manifest: Mapping[str, Any], config: Config) -> list[str]:
        """Write the manifest, and the config as it took effect.

        Returns:
            A line about the config that was there before, if it was damaged or edited.
        """
        self.write_manifest(manifest)
        path, kept = self.config_path, self.root / EDITED_CONFIG
        changed = path.exists() and not is_sealed(path.read_bytes())
        if changed:
            os.replace(path, kept)
        write_file(path, config_of_run(config))
        return [f"{path}: damaged or edited; kept as {kept}, and written again"] if changed else []

    def has_manifest(self) -> bool:
        """Whether a run has written here before."""
        return self.manifest_path.exists()

    def manifest(self) -> dict[str, Any]:
        """Read the run's manifest.

        Raises:
            ConfigError: there is none, it is damaged, of another version or cannot be read; or the directory
                holds a link.
        """
        check_plain(self.root)
        path = self.manifest_path
        try:
            manifest = unsealed(path)
            found, made_by = manifest.get("format", FORMAT), manifest.get("version", "unknown")
            if found != FORMAT:
                fault = f"written by tpo-runs {made_by} in format {found}; this is tpo-runs"
                fix = f"{version('tpo-runs')}, which reads format {FORMAT}; install a version that reads it"
                raise ConfigError([f"{path}: {fault} {fix}"])
            if not _lists_cells(manifest):
                raise DamagedError(f"{path}: does not list the cells of a run")
        except FileNotFoundError:
            raise ConfigError([f"{path}: not found; expected the output directory of a run"]) from None
        except DamagedError as error:
            fix = "remove it, and run the config again, which writes it again without training again"
            if not holds_results(self.root):
                fix = "there are no results here: tpo-runs did not write it, or the rest of the run is gone"
            raise ConfigError([f"{error}; {fix}"]) from None
        except OSError as error:
            raise ConfigError([f"{path}: cannot be read: {error.strerror}"]) from None
        return manifest

    def config_text(self) -> str:
        """The config as it took effect; empty if the file is missing."""
        path = self.config_path
        if not path.exists():
            return ""
        with as_config_error(path):
            content = path.read_bytes()
        text = content.partition(b"\n")[2].decode("utf-8", "replace")
        fault = "" if is_sealed(content) else "damaged or edited"
        if not fault and not has_settings(text, self.manifest().get("settings", {})):
            fault = "belongs to a run with other settings"
        if fault:
            fix = "run the config again, which writes it again, or remove it to go without"
            raise ConfigError([f"{path}: {fault}; {fix}"])
        return text

    def write_choices(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Write what `[tune]` has tried and chosen."""
        write_file(self.root / CHOICES, sealed({"choices": list(records)}))

    def choices(self) -> list[dict[str, Any]]:
        """What `[tune]` has tried and chosen: a record for each method, grid point and axis."""
        return unsealed(self.root / CHOICES)["choices"]

    def failure(self, key: str) -> str:
        """The last line of the traceback that the cell's last run left; empty if it did not fail."""
        path = self.errors / f"{key}.txt"
        if not path.exists():
            return ""
        with as_config_error(path):
            lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1] if lines else "unknown error"

    def discard_errors(self) -> None:
        """Remove the tracebacks of an earlier run."""
        for path in self.errors.glob("*.txt") if self.errors.is_dir() else ():
            if KEY.fullmatch(path.stem):
                path.unlink()
        with contextlib.suppress(OSError):  # it is missing, or holds files of others
            self.errors.rmdir()


def _lists_cells(manifest: Mapping[str, Any]) -> bool:
    """Whether a manifest lists its cells, each with all it takes to find its results."""
    cells, fields = manifest.get("cells"), {"method", "point", "key", "seeds"}
    return isinstance(cells, list) and all(isinstance(x, dict) and fields <= x.keys() for x in cells)

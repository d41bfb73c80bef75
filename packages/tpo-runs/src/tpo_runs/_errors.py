"""The one exception for configs and command lines that cannot be used."""

from collections.abc import Iterable


class ConfigError(Exception):
    """A config or a command line that cannot be used; `lines` holds one line for each problem."""

    def __init__(self, lines: Iterable[str]):
        self.lines = tuple(lines)
        super().__init__("\n".join(self.lines))

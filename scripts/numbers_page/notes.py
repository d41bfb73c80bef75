"""Notes on numbers that are far from ours: how we tried to explain them, and what we found."""

import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from tpo_runs import ConfigError
from tpo_runs._paper import PaperNumber
from tpo_runs._text import point_label


class Note(BaseModel):
    """A note on the numbers that fit all that it names.

    Args:
        source: table, figure or section.
        quantity: of the number; all where it is empty, likewise `method`.
        method: as `data/paper.toml` names it.
        conditions: some of the number's.
        text: the note, in Markdown.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    quantity: str = ""
    method: str = ""
    conditions: dict[str, object] = {}
    text: str

    @property
    def words(self) -> str:
        """What the note is about: "Table 1, PPO, vocabulary = 2"."""
        named = (self.source, self.quantity, self.method, point_label(self.conditions))
        return ", ".join(filter(None, named))

    def fits(self, number: PaperNumber) -> bool:
        """Whether the note is about a number."""
        return (
            self.source == number.source
            and self.quantity in ("", number.quantity)
            and self.method in ("", number.method)
            and self.conditions.items() <= number.label.items()
        )


def read_notes(path: Path) -> list[Note]:
    """The `[[note]]` tables of a file.

    Raises:
        ConfigError: one line for each note that lacks a key or has an unknown one.
    """
    notes, lines = [], []
    for count, table in enumerate(tomllib.loads(path.read_text(encoding="utf-8")).get("note", []), start=1):
        try:
            notes.append(Note.model_validate(table))
        except ValidationError as error:
            first = error.errors()[0]
            lines.append(f"{path.name}: note {count}: {'.'.join(map(str, first['loc']))}: {first['msg']}")
    if lines:
        raise ConfigError(lines)
    return notes


def check(
    notes: Sequence[Note], differing: Iterable[PaperNumber], others: Iterable[PaperNumber] = ()
) -> None:
    """Refuse numbers without the note that they need, and notes without a number.

    Args:
        notes: all notes.
        differing: numbers that differ, each of which needs one note.
        others: further numbers that a run was made for, which may have notes.

    Raises:
        ConfigError: one line for each number that differs and has no note or several, and for each note that
            is about no number of a run.
    """
    differing = list(differing)
    lines = []
    for number in differing:
        count = sum(note.fits(number) for note in notes)
        if count != 1:
            has = f"{count} notes; keep one" if count else "no note; add one that says why"
            lines.append(f"{number_words(number)}: differs but has {has}")
    run = [*differing, *others]
    lines += [
        f"the note on {note.words}: no run covers its numbers; remove the note"
        for note in notes
        if not any(map(note.fits, run))
    ]
    if lines:
        raise ConfigError(lines)


def number_words(number: PaperNumber) -> str:
    """A number in words: "Table 1, steps_to_1_percent, DG, vocabulary = 2"."""
    return ", ".join(filter(None, (number.source, number.quantity, number.method, point_label(number.label))))

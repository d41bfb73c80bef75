"""Notes on the numbers that differ: what was done to explain them, and what came out."""

import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from tpo_runs import ConfigError
from tpo_runs._labels import point_label
from tpo_runs._paper_numbers import PaperNumber


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


def assign(notes: Sequence[Note], differing: Iterable[PaperNumber]) -> list[tuple[Note, list[PaperNumber]]]:
    """The notes with the numbers that each is about.

    Raises:
        ConfigError: one line for each number that differs and has no note or several, and for each note that
            is about no number that differs.
    """
    found: list[tuple[Note, list[PaperNumber]]] = [(note, []) for note in notes]
    lines = []
    for number in differing:
        fitting = [numbers for note, numbers in found if note.fits(number)]
        if len(fitting) != 1:
            has = f"{len(fitting)} notes; leave one" if fitting else "no note; add one that says why"
            lines.append(f"{number_words(number)}: differs, and has {has}")
        for numbers in fitting:
            numbers.append(number)
    for note, numbers in found:
        if not numbers:
            named = (note.source, note.quantity, note.method, point_label(note.conditions))
            about = ", ".join(filter(None, named))
            lines.append(f"the note on {about}: no number of it differs; remove the note")
    if lines:
        raise ConfigError(lines)
    return found


def number_words(number: PaperNumber) -> str:
    """A number in words: "Table 1, steps_to_1_percent, DG, vocabulary = 2"."""
    return ", ".join(filter(None, (number.source, number.quantity, number.method, point_label(number.label))))

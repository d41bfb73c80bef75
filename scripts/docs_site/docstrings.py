"""A Griffe extension that makes docstrings fit the site.

Examples become code, since Markdown takes `>>>` for a quotation. The arguments of a Pydantic model become
attributes, since Griffe sees no `__init__` that has them.
"""

import re

import griffe

# The lines of an example up to the next empty one, all at the indentation of the first.
_EXAMPLE = re.compile(r"^(?P<indent>[ \t]*)>>>.*(?:\n(?P=indent)\S.*|\n(?P=indent)[ \t]+\S.*)*", re.MULTILINE)


def with_fenced_examples(text: str) -> str:
    """A docstring whose doctests are fenced code blocks."""
    return _EXAMPLE.sub(lambda m: f"{m['indent']}```pycon\n{m[0]}\n{m['indent']}```", text)


class FittingDocstrings(griffe.Extension):
    """Fence examples, and list the fields of Pydantic models."""

    def on_object(self, *, obj: griffe.Object, **_: object) -> None:
        """Called by Griffe for every module, class, function and attribute."""
        if obj.docstring:
            obj.docstring.value = with_fenced_examples(obj.docstring.value)

    def on_class_members(self, *, cls: griffe.Class, **_: object) -> None:
        """Called by Griffe for every class, when its members are known."""
        if cls.docstring and not cls.decorators and "__init__" not in cls.members:
            cls.docstring.value = cls.docstring.value.replace("\nArgs:\n", "\nAttributes:\n")

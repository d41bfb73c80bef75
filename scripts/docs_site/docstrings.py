"""A Griffe extension that marks the examples in docstrings as code; Markdown takes `>>>` for a quotation."""

import re

import griffe

# The lines of an example up to the next empty one, all at the indentation of the first.
_EXAMPLE = re.compile(r"^(?P<indent>[ \t]*)>>>.*(?:\n(?P=indent)\S.*|\n(?P=indent)[ \t]+\S.*)*", re.MULTILINE)


def with_fenced_examples(text: str) -> str:
    """A docstring whose doctests are fenced code blocks."""
    return _EXAMPLE.sub(lambda m: f"{m['indent']}```pycon\n{m[0]}\n{m['indent']}```", text)


class FencedExamples(griffe.Extension):
    """Fence the examples of every docstring that is loaded."""

    def on_object(self, *, obj: griffe.Object, **_: object) -> None:
        """Called by Griffe for every module, class, function and attribute."""
        if obj.docstring:
            obj.docstring.value = with_fenced_examples(obj.docstring.value)

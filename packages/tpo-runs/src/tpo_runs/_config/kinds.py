"""Tables of several kinds: their key `kind` selects the class of the table, or names a user's own part."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BeforeValidator, ValidationError

from .._text import found, one_of
from .explain import line_error
from .own import OwnSpec
from .spec import Spec

SpecT = TypeVar("SpecT", bound=Spec)


def kinds(*classes: type[SpecT]) -> dict[str, type[SpecT]]:
    """The classes by their `kind`.

    >>> from typing import Literal
    >>> class Cat(Spec):
    ...     kind: Literal["cat"] = "cat"
    >>> class Dog(Spec):
    ...     kind: Literal["dog"] = "dog"
    >>> kinds(Cat, Dog)["dog"].__name__
    'Dog'
    """
    return {model.model_fields["kind"].default: model for model in classes}


def of_kind(
    what: str, classes: Mapping[str, type[Spec]], own: type[OwnSpec] | None = None, *, or_name: bool = False
) -> BeforeValidator:
    """A validator of tables of these classes.

    Args:
        what: the section, for messages.
        classes: the classes by their `kind`.
        own: the class of tables whose `kind` is "module:name".
        or_name: whether strings are left as they are.
    """

    def parse(table: Any) -> Any:
        if isinstance(table, Spec) or (or_name and isinstance(table, str)):
            return table
        if not isinstance(table, dict):
            raise _error((), f"expected a table, found {found(table)}", table)
        kind = table.get("kind")
        if isinstance(kind, str) and kind in classes:
            return classes[kind].model_validate(table)
        if own is not None and isinstance(kind, str) and ":" in kind:
            return own.model_validate(table)
        fault = f"{found(kind)} is not a kind of {what}" if "kind" in table else "missing"
        hint = one_of(kind if isinstance(kind, str) else "", classes)
        raise _error(("kind",), fault + hint + (_own_hint(own.pattern, kind) if own else ""), kind)

    return BeforeValidator(parse)


def _error(loc: tuple[str, ...], text: str, value: object) -> ValidationError:
    return ValidationError.from_exception_data("kind", [line_error(loc, text, value)])


def _own_hint(pattern: str, kind: object) -> str:
    """How to name a user's own. The example corrects a dot that should be a colon."""
    module, dot, name = kind.rpartition(".") if isinstance(kind, str) else ("", "", "")
    example = f", as in {found(f'{module}:{name}')}" if dot and module and name else ""
    return f" or '{pattern}'{example}"

"""Tables of users' own parts: `kind` names one as "module:name", and the other keys are its keywords."""

import keyword
import math
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, ConfigDict

from .._text import found
from .spec import Spec, invalid


def _check_import_path(kind: str) -> str:
    module, _, name = kind.partition(":")
    names = [*module.split("."), name]
    if not all(name.isidentifier() and not keyword.iskeyword(name) for name in names):
        raise invalid(f"expected a module and a function, as in {_suggested_path(kind)}, found {found(kind)}")
    return kind


def _suggested_path(kind: str) -> str:
    """The import path for a file path such as "./losses/mine.py:loss", or the general pattern."""
    file, _, name = kind.partition(":")
    names = [part for part in file.removesuffix(".py").split("/") if part not in ("", ".")]
    usable = names and all(part.isidentifier() for part in [*names, name])
    return found(f"{'.'.join(names)}:{name}") if usable else "'module:function'"


def check_json(value: Any) -> Any:
    """Reject what JSON cannot represent: dates, infinities, and integers beyond 64 bits."""
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            check_json(item)
    elif isinstance(value, float) and not math.isfinite(value):
        raise invalid(f"expected a finite number, found {found(value)}")
    elif isinstance(value, int) and value.bit_length() > 63:
        raise invalid(f"expected an integer of at most 64 bits, found {found(value)}")
    elif not isinstance(value, str | bool | int | float):
        raise invalid(f"expected a string, a number, true or false, a list or a table, found {found(value)}")
    return value


JsonValue = Annotated[Any, AfterValidator(check_json)]
ImportPath = Annotated[str, AfterValidator(_check_import_path)]


class OwnSpec(Spec):
    """A user's own function or class.

    `pattern` is how to name it, `arrays` are its positional arguments, and `passed` the keywords that a run
    adds to those of the table. `lacks` says what works with the kinds of this package alone.
    """

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, JsonValue]  # pyright: ignore
    pattern: ClassVar[str] = "module:function"
    arrays: ClassVar[tuple[str, ...]] = ()
    passed: ClassVar[tuple[str, ...]] = ()
    lacks: ClassVar[str] = ""
    kind: ImportPath

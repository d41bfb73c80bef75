"""The base of all config tables, and the classes of a table by its `kind`."""

import enum
from collections.abc import Callable, Collection
from typing import Any, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, field_validator
from pydantic_core import PydanticCustomError

from .._text import found, is_plain, one_of

SMALLEST, LARGEST = 1.2e-38, 3.4e38  # what float32 holds at full precision


class Identity(enum.Enum):
    """How a key enters the identity of a cell, where it is not simply by its value.

    It is added to the annotation of the key: `Annotated[float, Identity.UNLESS_DEFAULT]`.
    """

    NEVER = enum.auto()
    """No number depends on it, and it is left out."""
    AS_DEFAULT = enum.auto()
    """No number depends on it, but it was part of the identity before: it counts as its default."""
    UNLESS_DEFAULT = enum.auto()
    """It was added after results were stored, so that its default, which trained them, is left out."""


class Spec(BaseModel):
    """A config table: frozen, closed to unknown keys, and with no guessing of types (`"10"` is not 10)."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @property
    def keywords(self) -> dict[str, Any]:
        """The keys of the table but its `kind`: the keyword arguments of what the kind names."""
        return self.model_dump(exclude={"kind"})

    @field_validator("*")
    @classmethod
    def _usable(cls, value: Any) -> Any:
        """Accept numbers that float32 holds, with one zero, and text without control characters."""
        if isinstance(value, float):
            if value and not SMALLEST <= abs(value) <= LARGEST:
                limits = f"0 or from {SMALLEST:g} to {LARGEST:g} in size"
                raise refusal(f"expected a number that float32 can hold, {limits}, found {found(value)}")
            return value + 0.0  # -0.0 would be other settings than 0.0
        for text in (value,) if isinstance(value, str) else value if isinstance(value, tuple) else ():
            if isinstance(text, str) and not is_plain(text):
                raise refusal(f"expected text without control characters or line breaks, found {found(text)}")
        return value

    def identity(self) -> dict[str, Any]:
        """The part of the table that numbers depend on, with every default filled in, as JSON can hold it.

        The keys of stored results are hashes of this, so a new key needs `Identity.UNLESS_DEFAULT`.
        """
        values = self.model_dump(mode="json")
        for name, field in type(self).model_fields.items():
            if Identity.AS_DEFAULT in field.metadata:
                values[name] = field.default
            elif Identity.NEVER in field.metadata or (
                Identity.UNLESS_DEFAULT in field.metadata and getattr(self, name) == field.get_default()
            ):
                del values[name]
        return values

    @classmethod
    def counts(cls, key: str) -> bool:
        """Whether numbers depend on the key, as they do on a key that the table does not have."""
        marks = cls.model_fields[key].metadata if key in cls.model_fields else ()
        return Identity.NEVER not in marks and Identity.AS_DEFAULT not in marks


def refusal(text: str) -> PydanticCustomError:
    """The error that a validator raises to have `text` reported as it stands."""
    return PydanticCustomError("refused", "{text}", {"text": text})


def check_distinct(
    values: tuple[Any, ...], what: str, alike: Callable[[Any], Any] = lambda value: value
) -> None:
    """Refuse a value that is there twice, up to `alike`; `what` says what it is, such as "the probe"."""
    before: list[Any] = []
    for value in values:
        # True equals 1, but is another value of a key that takes any.
        key = alike(value), type(value) is bool
        if key in before:
            raise refusal(f"{what} {found(value)} appears twice")
        before.append(key)


def names_among(known: Collection[str], what: str) -> AfterValidator:
    """The validator of a list of names: each is known, and none is there twice; `what` is such as "probe"."""

    def check(names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in known:
                raise refusal(f"{found(name)} is not a {what}{one_of(name, known)}")
        check_distinct(names, f"the {what}")
        return names

    return AfterValidator(check)


def kinds(union: Any) -> dict[str, type[Spec]]:
    """The classes of a discriminated union by their `kind`.

    >>> from typing import Annotated, Literal
    >>> from pydantic import Field
    >>> class Cat(Spec):
    ...     kind: Literal["cat"] = "cat"
    >>> class Dog(Spec):
    ...     kind: Literal["dog"] = "dog"
    >>> kinds(Annotated[Cat | Dog, Field(discriminator="kind")])["dog"].__name__
    'Dog'
    """
    classes = get_args(get_args(union)[0])
    return {model.model_fields["kind"].default: model for model in classes}

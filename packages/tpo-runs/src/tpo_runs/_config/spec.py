"""The base class of all config tables."""

import enum
from collections.abc import Callable, Collection, Iterable
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    Strict,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from .._text import found, is_plain, one_of
from .explain import explained

SMALLEST, LARGEST = 1.2e-38, 3.4e38  # the range of normal float32 numbers


class Identity(enum.Enum):
    """How a key enters a cell's identity. Without a mark, its value does.

    Add the mark to the key's annotation: `Annotated[float, Identity.UNLESS_DEFAULT]`.
    """

    NEVER = enum.auto()
    """Left out: results do not depend on the key."""
    AS_DEFAULT = enum.auto()
    """Always enters as its default: results do not depend on the key, but old identities contain it."""
    UNLESS_DEFAULT = enum.auto()
    """Left out at its default: the key is newer than stored results, which were trained with the default."""


class Spec(BaseModel):
    """A config table. It is frozen, rejects unknown keys, and does not convert types: `"10"` is not 10."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @property
    def builds(self) -> str:
        """The name of the class of what the table builds: that of its own class, without `Spec`."""
        return type(self).__name__.removesuffix("Spec")

    @property
    def keywords(self) -> dict[str, Any]:
        """All keys except `kind`: the keyword arguments of the object that the table builds."""
        return self.model_dump(exclude={"kind"})

    @field_validator("*")
    @classmethod
    def _check_value(cls, value: Any) -> Any:
        """Reject numbers outside float32's range and text with control characters."""
        if isinstance(value, float):
            if value and not SMALLEST <= abs(value) <= LARGEST:
                limits = f"0 or from {SMALLEST:g} to {LARGEST:g} in size"
                raise invalid(f"expected a number that float32 can hold, {limits}, found {found(value)}")
            return value + 0.0  # -0.0 becomes 0.0, so that both give the same cell
        for text in (value,) if isinstance(value, str) else value if isinstance(value, tuple) else ():
            if isinstance(text, str) and not is_plain(text):
                raise invalid(f"expected text without control characters or line breaks, found {found(text)}")
        return value

    @model_validator(mode="wrap")
    @classmethod
    def _explain_errors(cls, table: Any, validate: Callable[[Any], Any]) -> Any:
        try:
            return validate(table)
        except ValidationError as error:
            raise explained(error, cls) from None

    def identity(self) -> dict[str, Any]:
        """Everything in the table that results depend on, as JSON values, with defaults filled in.

        Stored results are found by a hash of this, so a new key needs `Identity.UNLESS_DEFAULT`.
        """
        values = self.model_dump(mode="json")
        for name, field in type(self).model_fields.items():
            if isinstance(inner := getattr(self, name), Spec):
                values[name] = inner.identity()
            if Identity.AS_DEFAULT in field.metadata:
                values[name] = field.default
            elif Identity.NEVER in field.metadata or (
                Identity.UNLESS_DEFAULT in field.metadata and getattr(self, name) == field.get_default()
            ):
                del values[name]
        return values

    @classmethod
    def affects_results(cls, key: str) -> bool:
        """Whether results depend on the key. True for keys that the table does not have."""
        marks = cls.model_fields[key].metadata if key in cls.model_fields else ()
        return Identity.NEVER not in marks and Identity.AS_DEFAULT not in marks


def invalid(text: str) -> PydanticCustomError:
    """The error to raise in a validator to have `text` reported verbatim."""
    return PydanticCustomError("invalid", "{text}", {"text": text})


def check_distinct(items: Iterable[Any], what: str, key: Callable[[Any], Any] = lambda item: item) -> None:
    """Reject items with equal keys. The message calls an item `what`, such as "the probe"."""
    seen: list[Any] = []
    for item in items:
        # True == 1, but in a list of any type they are two values.
        if (each := (key(item), type(item) is bool)) in seen:
            raise invalid(f"{what} {found(item)} appears twice")
        seen.append(each)


Names = Annotated[tuple[str, ...], Strict(False), Field(description="a list of names")]


def names_among(known: Collection[str], what: str) -> AfterValidator:
    """A validator of distinct names, all of them known. Messages call a name `what`, such as "probe"."""

    def check(names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in known:
                raise invalid(f"{found(name)} is not a {what}{one_of(name, known)}")
        check_distinct(names, f"the {what}")
        return names

    return AfterValidator(check)

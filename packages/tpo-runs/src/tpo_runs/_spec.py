"""The base of all config tables, and the classes of a table by its `kind`."""

from collections.abc import Collection
from typing import Any, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict
from pydantic_core import PydanticCustomError

from ._wording import found, one_of


class Spec(BaseModel):
    """A config table: frozen, closed to unknown keys, and with no guessing of types (`"10"` is not 10)."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @property
    def keywords(self) -> dict[str, Any]:
        """The keys of the table but its `kind`: the keyword arguments of what the kind names."""
        return self.model_dump(exclude={"kind"})


def refusal(text: str) -> PydanticCustomError:
    """The error that a validator raises to have `text` reported as it stands."""
    return PydanticCustomError("refused", "{text}", {"text": text})


def check_distinct(values: tuple[Any, ...], what: str) -> None:
    """Refuse a value that is there twice; `what` says what it is, such as "the probe"."""
    for i, value in enumerate(values):
        if value in values[:i]:
            raise refusal(f"{what} {found(value)} appears twice")


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
    >>> class Cat(Spec):
    ...     kind: Literal["cat"] = "cat"
    >>> class Dog(Spec):
    ...     kind: Literal["dog"] = "dog"
    >>> kinds(Annotated[Cat | Dog, Field(discriminator="kind")])["dog"].__name__
    'Dog'
    """
    classes = get_args(get_args(union)[0])
    return {model.model_fields["kind"].default: model for model in classes}

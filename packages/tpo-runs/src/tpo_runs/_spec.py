"""The base of all config tables, and the choice of a table's class by its `kind`."""

import dataclasses
import enum
from collections.abc import Collection, Mapping
from typing import Any

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from ._wording import found, one_of


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


@dataclasses.dataclass(frozen=True)
class Family:
    """The kinds that a table may have, by the value of its `kind` key.

    Args:
        name: what the table describes, such as "task".
        kinds: the class of each kind. The one place where the name in a config becomes a class.
        custom: the class of kinds written "module:function"; None where these are not allowed.
    """

    name: str
    kinds: Mapping[str, type[Spec]]
    custom: type[Spec] | None = None

    def model(self, table: object) -> type[Spec] | None:
        """The class for `table`, or None when its kind is missing or unknown."""
        kind = table.get("kind") if isinstance(table, Mapping) else None
        if not isinstance(kind, str):
            return None
        return self.custom if self.custom and ":" in kind else self.kinds.get(kind)

    def parse(self, table: object) -> Spec:
        """Turn a raw table into the spec of its kind.

        Raises:
            pydantic.ValidationError: listing everything that is wrong with the table.
        """
        if isinstance(table, Spec):
            return table
        model = self.model(table)
        if model is not None:
            return model.model_validate(table)
        key, text = self._complaint(table)
        detail = InitErrorDetails(type=refusal(text), loc=key, input=table)
        raise ValidationError.from_exception_data(self.name, [detail])

    def _complaint(self, table: Any) -> tuple[tuple[str, ...], str]:
        if not isinstance(table, Mapping):
            return (), f"expected a table, found {found(table)}"
        kind = table.get("kind")
        fault = f"{found(kind)} is not a kind of {self.name}" if "kind" in table else "missing"
        hint = one_of(kind if isinstance(kind, str) else "", self.kinds)
        return ("kind",), fault + hint + (_function_hint(kind) if self.custom else "")


def _function_hint(kind: object) -> str:
    """How a function is named; with the names of a user who wrote a dot for the colon."""
    module, dot, name = kind.rpartition(".") if isinstance(kind, str) else ("", "", "")
    example = f", as in {found(f'{module}:{name}')}" if dot and module and name else ""
    return f" or 'module:function'{example}"

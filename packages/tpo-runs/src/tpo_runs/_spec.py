"""The base of all config tables, and the choice of a table's class by its `kind`."""

import dataclasses
from collections.abc import Callable, Collection, Mapping
from typing import Any

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, field_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from ._wording import found, is_plain, one_of

SMALLEST, LARGEST = 1.2e-38, 3.4e38  # what float32 holds at full precision


class Spec(BaseModel):
    """A config table: frozen, closed to unknown keys, and with no guessing of types (`"10"` is not 10)."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @field_validator("*")
    @classmethod
    def _usable(cls, value: Any) -> Any:
        """Numbers that float32 holds, with one zero, and text that shows as it stands."""
        if isinstance(value, float):
            if value and not SMALLEST <= abs(value) <= LARGEST:
                limits = f"0 or from {SMALLEST:g} to {LARGEST:g} in size"
                raise refusal(f"expected a number that float32 can hold, {limits}, found {found(value)}")
            return value + 0.0  # -0.0 would be other settings than 0.0
        for text in (value,) if isinstance(value, str) else value if isinstance(value, tuple) else ():
            if isinstance(text, str) and not is_plain(text):
                raise refusal(f"expected text without control characters or line breaks, found {found(text)}")
        return value


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

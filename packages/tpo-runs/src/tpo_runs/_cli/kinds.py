"""The kinds of each section, the probes and the measures of configs, for `tpo-runs kinds`."""

from collections.abc import Mapping, Sequence

from .._config import FIGURES, KINDS, MEASURED_TASKS, MEASURES, OWN, PROBES
from .._errors import ConfigError
from .._text import found, one_of, printable

ORDER = ("task", "policy", "objective", "rollout", "optimizer", "figure", "executor")
SECTIONS = (*ORDER, "probes", "measures")


def kinds_text(section: str | None) -> str:
    """The choices of one section, or of all."""
    choices = _choices()
    if section is not None and section not in choices:
        fault = f"{found(section)} has no kinds{one_of(section, choices)}"
        raise ConfigError([printable(f"tpo-runs kinds: {fault}")])
    shown = choices if section is None else {section: choices[section]}
    return "\n\n".join("\n".join([name, *_aligned(rows)]) for name, rows in shown.items()) + "\n"


def _choices() -> dict[str, dict[str, str]]:
    """The description of each choice, by section and name."""
    kinds = {**KINDS, "figure": FIGURES}
    choices = {
        section: {kind: _first_line(model) for kind, model in kinds[section].items()} for section in ORDER
    }
    for section, model in OWN.items():
        choices[section][model.pattern] = _first_line(model)
    choices["probes"] = {name: _needs(sections) for name, sections in PROBES.items()}
    choices["measures"] = {
        name: f"For task {MEASURED_TASKS[name]}. Records {', '.join(columns)}."
        for name, columns in MEASURES.items()
    }
    return choices


def _first_line(model: type) -> str:
    return (model.__doc__ or "").strip().partition("\n")[0]


def _needs(sections: Mapping[str, Sequence[str]]) -> str:
    """The kinds that a probe works with."""
    return (
        " ".join(f"For {section} {', '.join(kinds)}." for section, kinds in sections.items())
        or "For any run."
    )


def _aligned(rows: Mapping[str, str]) -> list[str]:
    width = max(map(len, rows))
    return [f"  {name:<{width}}  {text}" for name, text in rows.items()]

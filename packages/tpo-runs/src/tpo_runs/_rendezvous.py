"""How the processes of a run find each other, and see that they are about to do the same."""

import os
import platform
import socket
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from ._config_error import ConfigError
from ._link import Link
from ._place import Place
from ._wording import ascii_safe

POLL_SECONDS = 0.2
# One that has connected has nothing to wait for before it says who it is.
GREETING_SECONDS = 5.0


class Companion(NamedTuple):
    """Another process of the run: the connection to it, and what messages call it."""

    link: Link
    name: str


class Meeting(NamedTuple):
    """The processes that this one is connected to, by index, and a free port of the first process's host."""

    others: Mapping[int, Companion]
    port: int


def meet(place: Place, same: Mapping[str, str], seconds: float) -> Meeting:
    """Connect the first process with each of the others.

    Args:
        place: where this process stands.
        same: what must be the same in all processes, by name.
        seconds: how long to wait for all of them.

    Raises:
        ConfigError: not all are there in time, or they differ; one line, in every process that is there.
    """
    if place.process == 0:
        return _receive_all(place, same, time.monotonic() + seconds, seconds)
    return _join(place, same, time.monotonic() + seconds, seconds)


def _receive_all(place: Place, same: Mapping[str, str], until: float, seconds: float) -> Meeting:
    there: dict[int, Companion] = {}
    with _listening(place) as server:
        server.settimeout(POLL_SECONDS)
        while len(there) < place.processes - 1:
            problem = ""
            try:
                link, hello = _greeted(server.accept()[0])
            except (OSError, ValueError, EOFError):
                link, hello = None, None
            if link is not None and hello is not None:
                name = _name(hello, place)
                problem = _problem(hello, place, same, name, there)
                there[-1 if problem else hello["process"]] = Companion(link, name)
            elif time.monotonic() > until:
                missing = ", ".join(str(i) for i in range(1, place.processes) if i not in there)
                fix = "start all of them, or wait longer by --connect-seconds"
                problem = f"process {missing} of {place.processes} did not come within {seconds:g} s; {fix}"
            if problem:
                for other in there.values():
                    other.link.send({"refused": problem})
                    other.link.close()
                raise ConfigError([problem])
    with socket.create_server(("", 0)) as free:
        port = free.getsockname()[1]
    for other in there.values():
        other.link.send({"port": port, **_self(place)})
        other.link.wait_at_most(None)
    return Meeting(there, port)


def _listening(place: Place) -> socket.socket:
    both = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both else socket.AF_INET
    try:
        return socket.create_server(("", place.port), family=family, dualstack_ipv6=both)
    except OSError as error:
        reason = error.strerror or str(error)
        line = f"port {place.port}: the first process cannot listen there: {reason}; choose another port"
        raise ConfigError([line]) from None


def _greeted(connection: socket.socket) -> tuple[Link, dict[str, Any]]:
    link = Link(connection)
    link.wait_at_most(GREETING_SECONDS)
    try:
        hello, _ = link.receive()
        if not isinstance(hello.get("process"), int) or not isinstance(hello.get("same"), dict):
            raise ValueError("not a process of a run")
    except (OSError, ValueError, EOFError):
        link.close()
        raise
    return link, hello


def _problem(
    hello: Mapping[str, Any],
    place: Place,
    same: Mapping[str, str],
    name: str,
    there: Mapping[int, Companion],
) -> str:
    """Why a process that has come cannot take part; "" where it can."""
    if hello["processes"] != place.processes:
        return f"{name} was started as one of {hello['processes']}, the first as one of {place.processes}"
    if hello["process"] in there or not 0 < hello["process"] < place.processes:
        return f"two processes were started as process {hello['process']}; give each an index of its own"
    differ = [
        f"{key} {theirs}, {ours} in the first process"
        for key in dict.fromkeys([*same, *hello["same"]])
        if (theirs := hello["same"].get(key)) != (ours := same.get(key))
    ]
    fix = "start all processes with the same command, config and versions"
    return f"{name} differs: {'; '.join(map(ascii_safe, differ))}: {fix}" if differ else ""


def _join(place: Place, same: Mapping[str, str], until: float, seconds: float) -> Meeting:
    where = f"{place.host}:{place.port}"
    reason = ""
    while True:
        try:
            connection = socket.create_connection((place.host, place.port), timeout=GREETING_SECONDS)
            break
        except OSError as error:
            reason = error.strerror or str(error)
        if time.monotonic() > until:
            fix = "start the first process, or check host and port"
            raise ConfigError([f"{where}: no first process within {seconds:g} s: {reason}; {fix}"])
        time.sleep(POLL_SECONDS)
    link = Link(connection)
    # The first process waits as long for the others, and may have begun later.
    link.wait_at_most(seconds + GREETING_SECONDS)
    try:
        link.send({"same": dict(same), **_self(place)})
        answer, _ = link.receive()
        link.wait_at_most(None)
    except (OSError, EOFError, ValueError):
        link.close()
        raise ConfigError([f"{where}: the first process has not answered, or has ended"]) from None
    if "refused" in answer:
        link.close()
        raise ConfigError([answer["refused"]])
    return Meeting({0: Companion(link, _name(answer, place))}, answer["port"])


def _self(place: Place) -> dict[str, Any]:
    return {
        "process": place.process,
        "processes": place.processes,
        "host": platform.node(),
        "pid": os.getpid(),
    }


def _name(told: Mapping[str, Any], place: Place) -> str:
    who = ascii_safe(f"{told.get('host')}, pid {told.get('pid')}")
    return f"process {told['process']} of {place.processes} ({who})"

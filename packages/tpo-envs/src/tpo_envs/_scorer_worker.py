"""The process that runs scorers of reasoning-gym: `python -m tpo_envs._scorer_worker`.

It reads pickled requests from its standard input and writes one line for each: a number, or `error`. The
parent never unpickles its output.
"""

import contextlib
import faulthandler
import importlib
import os
import pickle
import signal
import sys
from typing import Any, BinaryIO

from ._safe_expressions import check_formula, evaluate_literal

_MEMORY = 8 * 2**30
# Exit if the parent is gone and can no longer end this process.
_GRACE_SECONDS = 5.0
_REFUSED_EVENTS = {
    *("os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty", "pty.spawn"),
    *("os.startfile", "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink"),
    *("os.chmod", "os.chown", "os.truncate", "os.kill", "subprocess.Popen", "socket.__new__"),
}


def receive(stream: BinaryIO) -> Any:
    """The next request, or None at the end of the stream."""
    length = stream.read(8)
    return pickle.loads(stream.read(int.from_bytes(length, "big"))) if len(length) == 8 else None


def main() -> None:
    """Score until the standard input ends."""
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "w")
    # Ctrl-C ends the parent or makes it save its results first; the parent then ends this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What scorers print must not be read as replies.
    silent = os.open(os.devnull, os.O_RDWR)
    os.dup2(silent, 0)
    os.dup2(silent, 1)
    name, config, limit = receive(requests)
    dataset = importlib.import_module("reasoning_gym").create_dataset(name, seed=0, size=1, **config)
    confine()
    os.dup2(silent, 2)
    replies.write("ready\n")
    replies.flush()
    while (request := receive(requests)) is not None:
        answer, entry = request
        faulthandler.dump_traceback_later(limit + _GRACE_SECONDS, exit=True, file=silent)
        try:
            reply = repr(float(dataset.score_answer(answer, entry)))
        # A scorer may also run out of stack or memory, or call `sys.exit`.
        except BaseException:
            reply = "error"
        faulthandler.cancel_dump_traceback_later()
        replies.write(reply + "\n")
        replies.flush()


def confine() -> None:
    """Keep scorers from running a completion as code, from starting programs and from writing files.

    Some scorers of reasoning-gym pass answers to `eval` or to SymPy's parser, which also evaluates them.
    Their modules get an `eval` for literals, and SymPy parses only formulas. In addition, the process loses
    all rights that scorers do not need.
    """
    for module in [module for key, module in sys.modules.items() if key.startswith("reasoning_gym")]:
        module.__dict__.update(eval=evaluate_literal, exec=_refuse_code)
    parser: Any = importlib.import_module("sympy.parsing.sympy_parser")
    stringify = parser.stringify_expr

    def stringify_formula(text: Any, *arguments: Any, **keywords: Any) -> Any:
        check_formula(text)
        return stringify(text, *arguments, **keywords)

    parser.stringify_expr = stringify_formula
    sys.dont_write_bytecode = True
    with contextlib.suppress(ImportError, ValueError, OSError):  # not on every system
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    sys.addaudithook(_refuse_event)


def _refuse_code(*_: Any) -> None:
    raise PermissionError("a scorer must not run code")


def _refuse_event(event: str, arguments: tuple[Any, ...]) -> None:
    writes = event == "open" and arguments[2] is not None and arguments[2] & (os.O_WRONLY | os.O_RDWR)
    if writes or event in _REFUSED_EVENTS:
        raise PermissionError(f"a scorer must not use {event}")


if __name__ == "__main__":
    main()

"""Adds the policy and the task to errors of user code."""

import contextlib
from collections.abc import Iterator


@contextlib.contextmanager
def user_code(what: str, expected: str) -> Iterator[None]:
    """Run a policy or a method, and add a note to its errors.

    Args:
        what: the policy and its task, for messages.
        expected: what it should return.

    Raises:
        RuntimeError: if it calls `sys.exit`, which would end the run without a message.
    """
    try:
        yield
    except SystemExit as error:
        raise RuntimeError(f"{what} called sys.exit({error.code!r}), but {expected}") from error
    except Exception as error:
        error.add_note(f"This was raised by {what}: {expected}.")
        raise

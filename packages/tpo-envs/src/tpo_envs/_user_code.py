"""Around what a user has written: an error names where it came from."""

import contextlib
from collections.abc import Iterator


@contextlib.contextmanager
def user_code(what: str, expected: str) -> Iterator[None]:
    """Run a policy or a method; its errors stay what they are, with a note.

    Args:
        what: the policy and its task, for messages.
        expected: what it should do.

    Raises:
        RuntimeError: for a call of `sys.exit`, which would end the run without a word.
    """
    try:
        yield
    except SystemExit as error:
        raise RuntimeError(f"{what} called sys.exit({error.code!r}), but {expected}") from error
    except Exception as error:
        error.add_note(f"This was raised by {what}: {expected}.")
        raise

"""The exception for a process of the run that is gone, and how it is told."""

LOST = 4


class LostProcessError(Exception):
    """Another process of the run has ended before the run did; the message is one line that names it."""

    def __init__(self, what: str):
        after = "what is saved is intact: the same command in all processes goes on from there"
        super().__init__(f"{what}; {after}")

"""A data set of questions in text, and the reward function that goes with it."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ._text import TextTask, message_text

if TYPE_CHECKING:
    from datasets import Dataset


def text_dataset(task_id: str, *, n: int = 1000, seed: int = 0, conversational: bool = False) -> "Dataset":
    """Questions of a task as a `datasets.Dataset`, for trainers of language models such as TRL's GRPO.

    Args:
        task_id: an id of `text_tasks()`.
        n: how many questions, drawn with replacement.
        seed: the same seed draws the same questions, those of `make_numpy(task_id).sample(seed, n)`.
        conversational: whether a prompt is a list with one chat message of the user, not a string.

    Returns:
        Columns `prompt`, `answer`, a right answer in text, and `question`, the tokens or the number of the
        context, from which `text_reward` scores.

    Raises:
        ValueError: for an unknown id, with the nearest matches, or a task made of images.
        ImportError: without the `datasets` library.

    Example:
        >>> data = text_dataset("token-sort-terminal-h4-v4", n=2)
        >>> data.column_names, data[0]["question"], data[0]["answer"]
        (['prompt', 'answer', 'question'], [2, 3, 3, 2], 'Answer: 2 2 3 3')
    """
    try:
        import datasets
    except ImportError:
        raise ImportError("text_dataset needs the datasets library: pip install 'tpo-envs[text]'") from None
    task = TextTask(task_id)
    questions = task.questions(n, seed)
    prompts: list[Any] = [task.prompt(question) for question in questions.tolist()]
    if conversational:
        prompts = [[{"role": "user", "content": prompt}] for prompt in prompts]
    answers = ["Answer: " + " ".join(map(str, answer)) for answer in task.answers(questions).tolist()]
    return datasets.Dataset.from_dict({"prompt": prompts, "answer": answers, "question": questions.tolist()})


class TextReward:
    """The reward of a task in words, as a function that can be pickled."""

    def __init__(self, task_id: str):
        self.task = TextTask(task_id)
        # Trainers log a reward under the name of its function.
        self.__name__ = self.__qualname__ = task_id

    def __repr__(self) -> str:
        return f"text_reward({self.__name__!r})"

    def __call__(self, completions: Sequence[Any], question: Any = None, **_: Any) -> list[float]:
        """The score of every completion."""
        if question is None or len(question) != len(completions):
            found = "none" if question is None else str(len(question))
            raise ValueError(
                f"the reward of {self.__name__} needs the column 'question' of tpo_envs.text_dataset, "
                f"one for each of {len(completions)} completions; got {found}"
            )
        return [
            self.task.score(asked, message_text(completion))
            for asked, completion in zip(question, completions, strict=True)
        ]


def text_reward(task_id: str) -> Callable[..., list[float]]:
    """The reward function of a task, as TRL's `GRPOTrainer` calls one.

    The trainer calls it with keywords: `completions`, a list of strings or of lists of chat messages, and
    every column of the data set as a list of as many entries, of which `question` is needed. A completion
    that is no answer is paid 0 and never an error.

    Args:
        task_id: an id of `text_tasks()`, that of the data set.

    Returns:
        `reward(completions, question, **ignored) -> list[float]`.

    Raises:
        ValueError: for an unknown id, or a task made of images. The reward itself raises one when the columns
            do not fit the completions, since that is no matter of what a model has written.

    Example:
        >>> reward = text_reward("token-sort-terminal-h4-v4")
        >>> reward(completions=["Answer: 1 2 2 3", "no idea"], question=[[3, 2, 2, 1], [3, 2, 2, 1]])
        [1.0, 0.0]
    """
    return TextReward(task_id)

"""A data set of text questions, and its reward function."""

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
        seed: selects the questions, the same as in `make_numpy(task_id).sample(seed, n)`.
        conversational: whether a prompt is a list with one user message instead of a string.

    Returns:
        Columns `prompt`, `answer` (a right answer in text) and `question` (the tokens, or the index of the
        context), which `text_reward` needs.

    Raises:
        ValueError: if the id is unknown (the message has the closest matches) or the task is made of images.
        ImportError: if the `datasets` library is not installed.

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
    answers = ["Answer: " + task.words(answer) for answer in task.answers(questions).tolist()]
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
    """The reward function of a task, for TRL's `GRPOTrainer`.

    The trainer calls it with keyword arguments: `completions`, a list of strings or of lists of chat
    messages, and every column of the data set as a list of the same length; it needs the column `question`. A
    completion without a valid answer earns 0 and never raises an error.

    Args:
        task_id: an id of `text_tasks()`, the same as for the data set.

    Returns:
        `reward(completions, question, **ignored) -> list[float]`.

    Raises:
        ValueError: if the id is unknown or the task is made of images. The reward raises a ValueError if the
            columns do not match the completions, because that is not the model's fault.

    Example:
        >>> reward = text_reward("token-sort-terminal-h4-v4")
        >>> reward(completions=["Answer: 1 2 2 3", "no idea"], question=[[3, 2, 2, 1], [3, 2, 2, 1]])
        [1.0, 0.0]
    """
    return TextReward(task_id)

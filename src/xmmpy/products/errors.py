"""The one way in which a file's defects are told."""

from __future__ import annotations


class FileProblem(Exception):
    """A file cannot be used; the text is one sentence: which file, what is wrong with it, what to do.

    Parameters
    ----------
    path : object
        The file as the user named it.
    problem : str
        What is wrong, to be read after the file's name.
    advice : str
        What to do about it.
    """

    def __init__(self, path: object, problem: str, advice: str = "") -> None:
        self.path = str(path)
        self.problem = problem
        self.advice = advice
        super().__init__(f"{self.path} {problem}" + (f"; {advice}" if advice else ""))

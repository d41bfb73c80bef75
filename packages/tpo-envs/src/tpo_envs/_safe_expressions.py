"""Safe evaluation of literals and formulas, which are checked before Python or SymPy evaluates them."""

import ast
from typing import Any

_LITERALS = (
    *(ast.Expression, ast.Constant, ast.List, ast.Tuple, ast.Set, ast.Dict, ast.Load),
    *(ast.UnaryOp, ast.BinOp, ast.unaryop, ast.operator),
)
_FORMULAS = (
    *(ast.Expression, ast.Constant, ast.Name, ast.Call, ast.Load),
    *(ast.UnaryOp, ast.BinOp, ast.unaryop, ast.operator),
)
_FUNCTIONS = {
    *("exp", "log", "ln", "sqrt", "sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh"),
    *("asin", "acos", "atan", "asinh", "acosh", "atanh", "Abs"),
}


def evaluate_literal(text: Any, *_: Any) -> Any:
    """The value of a string of literals and arithmetic; replaces Python's `eval`.

    Raises:
        ValueError: if it has a name, a call, an attribute, or anything else that could run code.

    Example:
        >>> evaluate_literal("[[1, 2], [3 + 4, 'x']]")
        [[1, 2], [7, 'x']]
    """
    tree = ast.parse(str(text).strip(), mode="eval")
    for node in ast.walk(tree):
        # A power can take forever, and no literal needs one.
        if not isinstance(node, _LITERALS) or isinstance(node, ast.Pow):
            raise ValueError(f"{type(node).__name__} is not allowed in a literal")
    return eval(compile(tree, "literal", "eval"), {"__builtins__": {}})


def check_formula(text: Any) -> None:
    """Check that a text is a formula: numbers, names, operators and calls of known functions.

    Raises:
        ValueError: if it has anything else; SymPy would evaluate it as Python.
        SyntaxError: if it is not an expression.

    Example:
        >>> check_formula("x**2 / 2 + sin(3*x) + C")
    """
    for node in ast.walk(ast.parse(str(text).strip(), mode="eval")):
        allowed = isinstance(node, _FORMULAS)
        if isinstance(node, ast.Constant):
            allowed = type(node.value) in (int, float)
        elif isinstance(node, ast.Name):
            allowed = not node.id.startswith("_")
        elif isinstance(node, ast.Call):
            allowed = isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS and not node.keywords
        if not allowed:
            raise ValueError(f"{type(node).__name__} is not allowed in a formula")

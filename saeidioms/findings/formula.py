"""The right-hand side of a regression: read, checked so that it runs no code, made a matrix."""

from __future__ import annotations

import ast
import math

import numpy as np
import pandas as pd
from formulaic import Formula, ModelMatrix, SimpleFormula, model_matrix
from formulaic.errors import FormulaicError
from formulaic.parser.types import Factor

from saeidioms.errors import InputError, OptionError
from saeidioms.stats.regression import overlapping
from saeidioms.taxonomy.distribution import no_column

FUNCTIONS = ("C", "Treatment", "Sum", "I", "center", "scale", "log")
_HARMLESS = (
    *(ast.Expression, ast.Name, ast.Load, ast.Call, ast.keyword, ast.Constant),
    *(ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.UnaryOp, ast.USub),
)
_MOST_TERMS = 1000
_NAMED = 6  # terms that a sentence names


def columns_of(formula: str, columns: list[str]) -> list[str]:
    """Return the columns that a formula names, once each; the formula is checked.

    formulaic evaluates what stands in function calls and braces as Python. So it is not the text
    that is checked but what formulaic made of it: the syntax tree of every factor may hold columns,
    numbers, text in quotes, arithmetic and calls of `FUNCTIONS`, and nothing else.

    Parameters
    ----------
    formula
        Right-hand side, such as ``"C(arm, Treatment('control')) * round"``.
    columns
        Names of the columns that there are.

    Raises
    ------
    OptionError
        If it cannot be read, has a left-hand side, or holds what is none of these.
    """
    return _read(formula, columns)[1]


def design_of(formula: str, messages: pd.DataFrame) -> pd.DataFrame:
    """Return the design matrix of a formula: a row a message, a column a term.

    Parameters
    ----------
    formula
        Right-hand side; see `columns_of`.
    messages
        The columns that it names, without missing values.

    Raises
    ------
    OptionError
        If the formula cannot be used with these columns, or its terms overlap.
    InputError
        If a term is infinite, or not a number, for some message, or there are too few messages.
    """
    parsed, named = _read(formula, list(messages.columns))
    data = messages[named].apply(_plain)
    _check_size(formula, parsed, data)
    try:
        with np.errstate(all="ignore"):
            design = model_matrix(parsed, data, context={}, na_action="ignore", output="pandas")
    except (FormulaicError, ValueError, TypeError, LookupError) as error:
        raise OptionError(f"the formula {formula!r} cannot be used: {_reason(error)}.") from error
    return _usable(formula, design)


def _read(formula: str, columns: list[str]) -> tuple[SimpleFormula, list[str]]:
    """Return the formula as formulaic reads it, checked, and the columns that it names."""
    try:
        parsed = Formula(formula)
    except (FormulaicError, SyntaxError) as error:
        raise OptionError(f"the formula {formula!r} cannot be read: {_reason(error)}.") from error
    if not isinstance(parsed, SimpleFormula):
        raise OptionError(
            f"the formula {formula!r} has several parts; give the right-hand side only, such as "
            "arm * round."
        )
    factors = [factor for term in parsed for factor in term.factors]
    named = [name for factor in factors for name in _columns_in(factor, formula, columns)]
    if not named:
        raise OptionError(f"the formula {formula!r} names no column; give one, such as arm.")
    return parsed, list(dict.fromkeys(named))


def _columns_in(factor: Factor, formula: str, columns: list[str]) -> list[str]:
    """Return the columns in a factor, once it is sure that it holds nothing but what it may."""
    if factor.eval_method is Factor.EvalMethod.LITERAL:
        return []
    if factor.eval_method is Factor.EvalMethod.LOOKUP:
        if factor.expr not in columns:
            raise no_column(factor.expr, columns)
        return [factor.expr]
    try:
        tree = ast.parse(factor.expr, mode="eval")
    except SyntaxError as error:
        raise OptionError(
            f"the formula {formula!r} cannot be read: {factor.expr} is no call of a function."
        ) from error
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    for node in ast.walk(tree):
        if not isinstance(node, _HARMLESS) or (isinstance(node, ast.keyword) and not node.arg):
            what = f" {ast.unparse(node)}" if isinstance(node, ast.expr) else ""
            raise OptionError(
                f"the formula {formula!r} holds code{what}; there may be columns, numbers, text in "
                f"quotes, + - * / and calls of {', '.join(FUNCTIONS)}."
            )
    for call in calls:
        if not isinstance(call.func, ast.Name) or call.func.id not in FUNCTIONS:
            raise OptionError(
                f"the formula {formula!r} calls {ast.unparse(call.func)}; there are: "
                f"{', '.join(FUNCTIONS)}."
            )
    functions = [call.func for call in calls]
    names = [
        node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and node not in functions
    ]
    for name in names:
        if name in FUNCTIONS and name not in columns:
            raise OptionError(f"the formula {formula!r} holds {name}; write {name}().")
        if name not in columns:
            raise no_column(name, columns)
    return names


def _plain(values: pd.Series) -> pd.Series:
    """Return a column as numbers or text of plain types, which is what formulaic knows."""
    values = values.infer_objects()
    if pd.api.types.is_datetime64_any_dtype(values) or pd.api.types.is_timedelta64_dtype(values):
        raise OptionError(
            f"the column {values.name} holds times, which are no numbers; give a column that says "
            "how many days or hours, or from when to when."
        )
    if pd.api.types.is_bool_dtype(values):
        return values.astype(bool)
    if pd.api.types.is_numeric_dtype(values):
        whole = pd.api.types.is_integer_dtype(values)
        return values.astype(np.int64 if whole else np.float64)
    if isinstance(values.dtype, pd.CategoricalDtype):
        return values.cat.remove_unused_categories()
    return values.astype(str)


def _check_size(formula: str, parsed: SimpleFormula, data: pd.DataFrame) -> None:
    """Refuse what would make more terms than can be estimated, before it fills the memory."""
    values = {name: int(data[name].nunique()) for name in data}
    most = max(values, key=lambda name: values[name])

    def levels(factor: Factor) -> int:
        if factor.eval_method is Factor.EvalMethod.LOOKUP:
            return 1 if pd.api.types.is_numeric_dtype(data[factor.expr]) else values[factor.expr]
        if not factor.expr.startswith("C("):
            return 1
        return max(values[name] for name in _columns_in(factor, formula, list(data.columns)))

    terms = sum(math.prod(levels(factor) for factor in term.factors) for term in parsed)
    if terms > _MOST_TERMS:
        raise OptionError(
            f"the formula {formula!r} has {terms:,} terms ({most} has {values[most]:,} values); "
            f"there may be {_MOST_TERMS:,}; choose columns with fewer values."
        )


def _usable(formula: str, design: ModelMatrix) -> pd.DataFrame:
    """Return a design whose terms are numbers, and can be told apart."""
    matrix = design.to_numpy(dtype=np.float64)
    if matrix.shape[1] >= len(matrix):
        raise InputError(
            f"the formula {formula!r} has {matrix.shape[1]:,} terms for {len(matrix):,} messages; "
            "choose columns with fewer values."
        )
    finite = np.isfinite(matrix)
    if not finite.all():
        row, column = np.argwhere(~finite)[0]
        raise InputError(
            f"the term {design.columns[column]} of the formula is {matrix[row, column]} for "
            f"{(~finite[:, column]).sum():,} of {len(matrix):,} messages; correct the column, or "
            "leave those messages without a value."
        )
    if not len(design.columns.drop("Intercept", errors="ignore")):
        raise OptionError(
            f"the formula {formula!r} leaves nothing but the intercept; give a column that has "
            "several values."
        )
    alike = design.columns[overlapping(matrix)]
    if len(alike):
        more = f" and {len(alike) - _NAMED} more" if len(alike) > _NAMED else ""
        raise OptionError(
            f"in these messages the terms {', '.join(alike[:_NAMED])}{more} of the formula "
            f"{formula!r} say the same, or nothing; leave one out."
        )
    return pd.DataFrame(matrix, columns=list(design.columns))


def _reason(error: Exception) -> str:
    """Return the first sentence of another program's error, as the end of one."""
    lines = str(error).strip().splitlines()
    return lines[0].split(". ")[0].strip().rstrip(".") if lines else type(error).__name__

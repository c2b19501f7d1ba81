"""What each piece of code can be mistaken for."""

import ast
from collections.abc import Iterator
from typing import Final

Node = ast.expr | ast.stmt | ast.keyword

Mistake = tuple[tuple[Node, ...], str]
"""What is replaced, from the first of these nodes to the last, and by what."""

OTHER_COMPARISON: Final[dict[type[ast.cmpop], str]] = {
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.Lt: "<=",
    ast.LtE: "<",
    ast.Gt: ">=",
    ast.GtE: ">",
    ast.Is: "is not",
    ast.IsNot: "is",
    ast.In: "not in",
    ast.NotIn: "in",
}
OTHER_NAME: Final = {"min": "max", "max": "min", "any": "all", "all": "any"}
MATCHED_BY: Final = {"says", "waits_for", "first", "latest", "_held_up", "startswith", "get", "getattr"}
"""Calls whose strings are looked for in something. Other strings are said to people."""

NO_SUCH_WORD: Final = '"XX"'


def mistakes(node: ast.AST) -> Iterator[Mistake]:
    """Everything that this node can be mistaken for; what is inside it is asked for itself."""
    yield from _in_conditions(node)
    yield from _in_choices(node)
    yield from _in_values(node)
    yield from _in_steps(node)
    yield from _in_parts(node)


def _in_conditions(node: ast.AST) -> Iterator[Mistake]:
    match node:
        case ast.Compare(left, [operator], [right]):
            yield (node,), f"{_text(left)} {OTHER_COMPARISON[type(operator)]} {_text(right)}"
            yield from (((part,), NO_SUCH_WORD) for part in (left, right) if _is_string(part))
        case ast.BoolOp(ast.And(), values):
            yield from (((node,), text) for text in _other_joins(values, "and", "or"))
        case ast.BoolOp(ast.Or(), values):
            yield from (((node,), text) for text in _other_joins(values, "or", "and"))
        case ast.UnaryOp(ast.Not(), operand):
            yield (node,), _text(operand)
        case _:
            return


def _other_joins(values: list[ast.expr], same: str, other: str) -> Iterator[str]:
    """Joined by the other word, and joined by the same with each one left out."""
    yield f"({f' {other} '.join(_text(value) for value in values)})"
    for left_out in values:
        yield f"({f' {same} '.join(_text(value) for value in values if value is not left_out)})"


def _in_choices(node: ast.AST) -> Iterator[Mistake]:
    match node:
        case ast.If(test) | ast.IfExp(test):
            yield (test,), f"({_text(test)} and False)"
            yield (test,), f"({_text(test)} or True)"
        case ast.comprehension(ifs=tests):
            yield from (((test,), "True") for test in tests)
        case ast.MatchValue(ast.Constant(str()) as value):
            yield (value,), NO_SUCH_WORD
        case _:
            return


def _in_values(node: ast.AST) -> Iterator[Mistake]:
    match node:
        case ast.BinOp(left, ast.Add(), right):
            yield (node,), f"({_text(left)} - {_text(right)})"
        case ast.BinOp(left, ast.Sub(), right):
            yield (node,), f"({_text(left)} + {_text(right)})"
        case ast.Constant(bool() as value):
            yield (node,), str(not value)
        case ast.Constant(int() as number):
            yield (node,), str(number + 1)
        case ast.Name(name) if name in OTHER_NAME:
            yield (node,), OTHER_NAME[name]
        case ast.Subscript(value, ast.Slice()):
            yield (node,), _text(value)
        case _:
            return


def _in_steps(node: ast.AST) -> Iterator[Mistake]:
    match node:
        case ast.Return(None | ast.Constant(None | False)):  # False is no different, and becomes True elsewhere
            return
        case ast.Return():
            yield (node,), "return None"
        case ast.Expr(ast.Yield() | ast.YieldFrom()):
            return
        case ast.Expr() | ast.AugAssign() | ast.Continue():
            yield (node,), "pass"
        case _:
            return


def _in_parts(node: ast.AST) -> Iterator[Mistake]:
    """One element, entry or argument is left out, or a word that is looked for is another."""
    match node:
        case ast.Tuple(elts=[_, _, *_] as parts, ctx=ast.Load()) | ast.Set(elts=[_, _, *_] as parts):
            yield from (((part,), "*()") for part in parts)
        case ast.Dict(keys=keys, values=values):
            yield from (((key, value), "**{}") for key, value in zip(keys, values, strict=True) if key)
        case ast.Call(func, arguments, keywords):
            if _name(func) in MATCHED_BY:
                yield from (((argument,), NO_SUCH_WORD) for argument in arguments if _is_string(argument))
            yield from (((keyword,), "**{}") for keyword in keywords)
        case _:
            return


def _text(part: ast.expr) -> str:
    """A part as it can stand beside any operator."""
    plain = ast.unparse(part)
    return plain if isinstance(part, ast.Name | ast.Attribute | ast.Constant | ast.Call) else f"({plain})"


def _name(func: ast.expr) -> str | None:
    match func:
        case ast.Attribute(attr=name) | ast.Name(name):
            return name
        case _:
            return None


def _is_string(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)

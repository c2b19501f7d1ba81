"""The changes that are tried: what each piece of code can be mistaken for."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

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


@dataclass(frozen=True, slots=True)
class Change:
    """One piece of one file, by its characters, and what stands there instead. lines: those of the whole statement.

    in_function: whether the statement runs with its function; any other runs once, when the module is imported.
    """

    file: str
    line: int
    start: int
    end: int
    old: str
    new: str
    lines: range
    in_function: bool

    def applied(self, source: str) -> str:
        """The source with this change."""
        return source[: self.start] + self.new + source[self.end :]

    def __str__(self) -> str:
        """For people: place, and old -> new on one line."""
        old, new = (" ".join(text.split()) for text in (self.old, self.new))
        return f"{self.file}:{self.line}  {old}  ->  {new}"


def changes(file: str, source: str) -> Iterator[Change]:
    """Every change of one module, in the order of its lines, without those that are no change."""
    tree = ast.parse(source)
    starts = [0, *accumulate(len(line) for line in source.splitlines(keepends=True))]
    seen = set()
    for node, statement, in_function in _visited(tree):
        for old, new in _mistaken(node, source):
            (start, _), (_, end) = (_span(part, source, starts) for part in (old[0], old[-1]))
            if (start, end, new) not in seen and source[start:end] != new:
                seen.add((start, end, new))
                lines = range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)
                yield Change(file, old[0].lineno, start, end, source[start:end], new, lines, in_function)


_Node = ast.expr | ast.stmt | ast.keyword


def _visited(tree: ast.Module) -> Iterator[tuple[ast.AST, ast.stmt, bool]]:
    """Each node that may be changed, with the statement that it is in and whether that stands in a function."""

    def visit(node: ast.AST, statement: ast.stmt, *, inside: bool) -> Iterator[tuple[ast.AST, ast.stmt, bool]]:
        statement = node if isinstance(node, ast.stmt) else statement
        yield node, statement, inside
        for child in _changeable(node):
            yield from visit(child, statement, inside=inside or isinstance(node, ast.FunctionDef))

    for top in tree.body:
        if not _is_for_readers(top):
            yield from visit(top, top, inside=False)


def _changeable(node: ast.AST) -> Iterator[ast.AST]:
    """The parts of a node without annotations, decorators, docstrings and messages."""
    match node:
        case ast.AnnAssign(value=value):
            yield from [value] if value else []
        case ast.FunctionDef(body=body) | ast.ClassDef(body=body):
            yield from (part for part in body if not _is_for_readers(part))
        case ast.Call(func=ast.Name("Rule"), args=[_, *rest]):
            yield from rest
        case ast.JoinedStr() | ast.Assert() | ast.Import() | ast.ImportFrom():
            return
        case _:
            yield from ast.iter_child_nodes(node)


def _is_for_readers(node: ast.stmt) -> bool:
    """A docstring, or a call that only tells the type checker something."""
    match node:
        case ast.Expr(ast.Constant()) | ast.Expr(ast.Call(ast.Name("assert_never"))) | ast.Delete():
            return True
        case ast.Assign([ast.Name("__all__")]):
            return True
        case _:
            return False


def _mistaken(node: ast.AST, source: str) -> Iterator[tuple[tuple[_Node, ...], str]]:
    """What is to be replaced (from the first of these nodes to the last), and by what."""

    def text(part: ast.AST) -> str:
        plain = ast.get_source_segment(source, part) or ""
        return plain if isinstance(part, ast.Name | ast.Attribute | ast.Constant | ast.Call) else f"({plain})"

    match node:
        case ast.Compare(left, [operator], [right]):
            yield (node,), f"{text(left)} {OTHER_COMPARISON[type(operator)]} {text(right)}"
            yield from (((part,), NO_SUCH_WORD) for part in (left, right) if _is_string(part))
        case ast.BoolOp(operator, values):
            same, other = ("and", "or") if isinstance(operator, ast.And) else ("or", "and")
            yield (node,), f"({f' {other} '.join(text(value) for value in values)})"
            for left_out in values:
                yield (node,), f"({f' {same} '.join(text(value) for value in values if value is not left_out)})"
        case ast.UnaryOp(ast.Not(), operand):
            yield (node,), text(operand)
        case ast.BinOp(left, ast.Add() | ast.Sub() as operator, right):
            yield (node,), f"({text(left)} {'-' if isinstance(operator, ast.Add) else '+'} {text(right)})"
        case ast.If(test) | ast.IfExp(test):
            yield (test,), f"({text(test)} and False)"
            yield (test,), f"({text(test)} or True)"
        case ast.comprehension(ifs=tests):
            yield from (((test,), "True") for test in tests)
        case ast.Constant(bool() as value):
            yield (node,), str(not value)
        case ast.Constant(int() as number):
            yield (node,), str(number + 1)
        case ast.Return(ast.AST() as value) if not (isinstance(value, ast.Constant) and value.value is None):
            yield (node,), "return None"
        case ast.Expr(value) if not isinstance(value, ast.Yield | ast.YieldFrom):
            yield (node,), "pass"
        case ast.AugAssign() | ast.Continue():
            yield (node,), "pass"
        case ast.Name(name) if name in OTHER_NAME:
            yield (node,), OTHER_NAME[name]
        case ast.MatchValue(ast.Constant(str()) as value):
            yield (value,), NO_SUCH_WORD
        case ast.Subscript(value, ast.Slice()):
            yield (node,), text(value)
        case ast.Tuple(elts=parts, ctx=ast.Load()) | ast.Set(elts=parts) if len(parts) > 1:
            yield from (((part,), "*()") for part in parts)
        case ast.Dict(keys=keys, values=values):
            yield from (((key, value), "**{}") for key, value in zip(keys, values, strict=True) if key)
        case ast.Call(func, arguments, keywords):
            name = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
            if name in MATCHED_BY:
                yield from (((argument,), NO_SUCH_WORD) for argument in arguments if _is_string(argument))
            yield from (((keyword,), "**{}") for keyword in keywords)
        case _:
            return


def _is_string(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _span(node: _Node, source: str, starts: list[int]) -> tuple[int, int]:
    """The characters of a node; ast counts lines and the bytes in them."""

    def offset(line: int, column: int) -> int:
        start, end = starts[line - 1], starts[line]
        return start + len(source[start:end].encode()[:column].decode())

    return (
        offset(node.lineno, node.col_offset),
        offset(node.end_lineno or node.lineno, node.end_col_offset or node.col_offset),
    )

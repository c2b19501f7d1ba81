"""The changes that are tried: every mistake at every place of a module."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

from mutation.mistakes import Node, mistakes


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
        for old, new in mistakes(node):
            (start, _), (_, end) = (_span(part, source, starts) for part in (old[0], old[-1]))
            if (start, end, new) not in seen and source[start:end] != new:
                seen.add((start, end, new))
                lines = range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)
                yield Change(file, old[0].lineno, start, end, source[start:end], new, lines, in_function)


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
            yield from (part for part in ast.iter_child_nodes(node) if not _is_for_readers(part))


def _is_for_readers(node: ast.AST) -> bool:
    """A docstring, or a call that only tells the type checker something."""
    match node:
        case ast.Expr(ast.Constant()) | ast.Expr(ast.Call(ast.Name("assert_never"))) | ast.Delete():
            return True
        case ast.Assign([ast.Name("__all__")]):
            return True
        case _:
            return False


def _span(node: Node, source: str, starts: list[int]) -> tuple[int, int]:
    """The characters of a node; ast counts lines and the bytes in them."""

    def offset(line: int, column: int) -> int:
        start, end = starts[line - 1], starts[line]
        return start + len(source[start:end].encode()[:column].decode())

    return (
        offset(node.lineno, node.col_offset),
        offset(node.end_lineno or node.lineno, node.end_col_offset or node.col_offset),
    )

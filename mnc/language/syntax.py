"""From text to tree: the grammar of `mnc.grammar` at work."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

from lark import Lark, Token, Transformer
from lark.exceptions import UnexpectedInput

from mnc.errors import CompileError, Problem
from mnc.language import tree
from mnc.language.names import unquote
from mnc.language.source import Place, Source, SourceError
from mnc.language.syntax_errors import explain, without_statement

MAX_NESTING = 50
"""How many brackets may be open at once."""
MAX_CHARACTERS = 4_000_000
"""How long a text may be."""
_MAX_DIGITS = 40
_MAX_SYNTAX_ERRORS = 10

_BRACKETS = {"LPAR": 1, "LSQB": 1, "LBRACE": 1, "RPAR": -1, "RSQB": -1, "RBRACE": -1}


def parse(source: Source) -> tree.Network:
    """The tree of a text; CompileError with every independent syntax error."""
    if len(source.text) > MAX_CHARACTERS:
        raise CompileError(Problem(source.name, f"the text is longer than {MAX_CHARACTERS:,} characters"))
    problems: list[Problem] = []
    text: str | None = source.text
    while text is not None and len(problems) < _MAX_SYNTAX_ERRORS:
        network = _attempt(text, source)
        if isinstance(network, tree.Network):
            if not problems:
                return network
            break
        problems.append(source.problem(network.at, network.what, *network.hints))
        text = without_statement(text, network)
    raise CompileError(*problems)


def _attempt(text: str, source: Source) -> tree.Network | SourceError:
    try:
        # A last line end spares the grammar a second way to end a statement.
        return cast("tree.Network", parser().parse(text + "\n"))
    except UnexpectedInput as fault:
        return explain(fault, source)
    except SourceError as fault:
        return fault


@cache
def parser() -> Lark:
    """The parser, which builds the tree as it reads."""
    return Lark(grammar(), parser="lalr", postlex=_Lines(), transformer=_Builder(), maybe_placeholders=True)


def grammar() -> str:
    """The text of the grammar."""
    try:
        return files("mnc.grammar").joinpath("mnc.lark").read_text("utf-8")
    except ModuleNotFoundError:  # run from a checkout that is not installed
        return (Path(__file__).parents[2] / "grammar" / "mnc.lark").read_text("utf-8")


class _Lines:
    """Drops the line ends that end no statement: inside ( ) and [ ], and repeated ones."""

    always_accept = ("_NL",)

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        opened: list[str] = []
        ended = False
        for token in stream:
            kind = token.type
            if kind == "_NL":
                if ended or (opened and opened[-1] != "LBRACE"):
                    continue
                ended = True
            else:
                ended = False
                step = _BRACKETS.get(kind)
                if step == 1:
                    opened.append(kind)
                    if len(opened) > MAX_NESTING:
                        raise SourceError(place(token), f"brackets are nested more than {MAX_NESTING} deep")
                elif step == -1 and opened:
                    opened.pop()
            yield token


def place(token: Token) -> Place:
    """Where a token stands."""
    start = token.start_pos or 0
    return (start, start + len(token))


def _name(token: Token) -> str:
    if not token.startswith("`"):
        return str(token)
    try:
        return unquote(token)
    except ValueError as fault:
        raise SourceError(place(token), str(fault)) from None


def _targets(tokens: list[Token]) -> tuple[tree.Target, ...]:
    return tuple(tree.Target(_name(token), place(token)) for token in tokens)


class _Builder(Transformer[Token, tree.Network]):
    """One method for each rule of the grammar: its children as a node of the tree."""

    def start(self, children: list[Any]) -> tree.Network:
        name, parameters = children[0]
        return tree.Network(_name(name), parameters or (), tuple(children[1:]), place(name))

    def network(self, children: list[Any]) -> tuple[Token, tuple[tree.Parameter, ...] | None]:
        return children[0], children[1]

    def parameters(self, children: list[Any]) -> tuple[tree.Parameter, ...]:
        return tuple(child for child in children if child is not None)

    def parameter(self, children: list[Any]) -> tree.Parameter:
        return tree.Parameter(_name(children[0]), children[1], place(children[0]))

    # statements

    def input(self, children: list[Any]) -> tree.Input:
        name, type_, unused = children
        return tree.Input(_name(name), type_, unused is not None, place(name))

    def state(self, children: list[Any]) -> tree.State:
        name, type_, initial, held = children
        return tree.State(_name(name), type_, initial, held, place(name))

    def next(self, children: list[Any]) -> tree.Next:
        return tree.Next(_name(children[0]), children[1], place(children[0]))

    def type(self, children: list[Any]) -> tree.Type:
        return tree.Type(_name(children[0]), children[1], children[2], place(children[0]))

    def output(self, children: list[Any]) -> tree.Output:
        *values, assigned = children
        if assigned is None:
            return tree.Output(tuple(values), None, values[0].at)
        for value in values:
            if not isinstance(value, tree.Name):
                raise SourceError(value.at, "only names can stand left of '='")
        targets = tuple(tree.Target(value.value, value.at) for value in values)
        return tree.Output(tuple(values), tree.Assignment(targets, assigned, values[0].at), values[0].at)

    def block(self, children: list[Any]) -> tree.Block:
        return tree.Block(_name(children[0]), children[1], children[2], place(children[0]))

    def body(self, children: list[Any]) -> tuple[tree.Statement, ...]:
        return tuple(child for child in children if child is not None)

    def loop(self, children: list[Any]) -> tree.Loop:
        targets, over, body = children
        return tree.Loop(targets, over, body, over.at)

    def targets(self, children: list[Any]) -> tuple[tree.Target, ...]:
        return _targets(children)

    def assignment(self, children: list[Any]) -> tree.Assignment:
        return tree.Assignment(children[0], children[1], children[0][0].at)

    def weights(self, children: list[Any]) -> tree.Weights:
        return tree.Weights(children[0], children[1] is not None, children[0].at)

    def result(self, children: list[Any]) -> tree.Return:
        return tree.Return(tuple(children), children[0].at)

    # expressions

    def choice(self, children: list[Any]) -> tree.Choice:
        then, condition, otherwise = children
        return tree.Choice(then, condition, otherwise, condition.at)

    def binary(self, children: list[Any]) -> tree.Operation:
        left, operator, right = children
        return tree.Operation(str(operator), (left, right), place(operator))

    def unary(self, children: list[Any]) -> tree.Operation:
        return tree.Operation(str(children[0]), (children[1],), place(children[0]))

    def number(self, children: list[Token]) -> tree.Number:
        (token,) = children
        if len(token) > _MAX_DIGITS:
            raise SourceError(place(token), f"a number has at most {_MAX_DIGITS} digits")
        return tree.Number(int(token) if token.isdigit() else float(token), place(token))

    def text(self, children: list[Token]) -> tree.Text:
        (token,) = children
        return tree.Text(token[1:-1], place(token))

    def name(self, children: list[Token]) -> tree.Name:
        (token,) = children
        return tree.Name(_name(token), token.startswith("`"), place(token))

    def stored(self, children: list[Any]) -> tree.Stored:
        return tree.Stored(_name(children[0]), children[1], place(children[0]))

    def items(self, children: list[Any]) -> tree.Items:
        return tree.Items(tuple(child for child in children[1:] if child is not None), place(children[0]))

    def call(self, children: list[Any]) -> tree.Call:
        arguments = tuple(
            child if isinstance(child, tree.Argument) else tree.Argument(None, child, child.at)
            for child in children[1:]
            if child is not None
        )
        return tree.Call(_name(children[0]), arguments, place(children[0]))

    def keyword(self, children: list[Any]) -> tree.Argument:
        return tree.Argument(_name(children[0]), children[1], place(children[0]))

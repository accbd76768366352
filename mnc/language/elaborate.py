"""From tree to `Graph`: loops and blocks unrolled, every layer checked where it stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar

from mnc.errors import CompileError, Problem
from mnc.ir.graph import Graph
from mnc.ir.types import Quantisation
from mnc.language import callees, tree
from mnc.language.arguments import bind_parameters, name_argument, split
from mnc.language.beginnings import beginning, held_runs
from mnc.language.calls import Pending, bind, bind_function
from mnc.language.construction import Construction, Kept
from mnc.language.expressions import ITEMS_A_STEP, ConsequenceError, Expressions, Hints, Scope, assign
from mnc.language.functions import functions
from mnc.language.kinds import kind_named, kinds
from mnc.language.source import NOWHERE, LimitError, Place, Source, SourceError
from mnc.language.values import UNKNOWN, RefusalError, Tensor, Value, describe
from mnc.language.weights import FromPath, Loader, Origin, Seeded
from mnc.names import similar

_MAX_PROBLEMS = 20
_MAX_CALLERS = 4

S = TypeVar("S", bound="tree.Statement | tree.Parameter")


class TooManyError(Exception):
    """The limit of reported problems is reached."""


class Elaborator:
    """One network under construction; `weights` is a file that replaces the weights of the text."""

    def __init__(self, source: Source, network: tree.Network, load: Loader, weights: str | None = None) -> None:
        self._source = source
        self._network = network
        self._load = load
        self._stated = weights
        self._problems: list[Problem] = []
        self._reported: set[Place] = set()
        self._expressions = Expressions(self._call)
        self._blocks: dict[str, tree.Block | None] = {}
        """None: what has the name is no valid block, as was reported."""
        self._active: list[str] = []
        self._built = Construction(source)
        self._given: list[tree.Input | tree.State] = []
        self._origins: list[Origin] = []
        self._top = self._scope(network.body, ())

    def graph(self, parameters: Mapping[str, Value]) -> Graph:
        """The network; CompileError with every independent problem."""
        try:
            self._set_parameters(parameters)
            for statement in self._network.body:
                if isinstance(statement, tree.Block):
                    self._attempt(statement, self._top, self._define)
                    self._blocks.setdefault(statement.name, None)
            for statement in self._network.body:
                self._run(statement, self._top)
            self._check_ends()
        except TooManyError:
            pass
        if self._problems:
            raise CompileError(*self._problems)
        origins = self._origins
        if self._stated is not None:
            origins = [FromPath(self._stated, False, self._network.at)]
        try:
            return self._built.graph(self._network.name, self._network.at, origins, self._load)
        except SourceError as fault:
            raise CompileError(self._source.problem(fault.at, fault.what, *fault.hints)) from None

    def _scope(self, body: tuple[tree.Statement, ...], parameters: tuple[tree.Parameter, ...]) -> Scope:
        targets = [target for statement in body for target in tree.targets(statement)]
        lines = {target.name: self._source.line(target.at) for target in reversed(targets)}
        return Scope(_sole(body, parameters), lines=lines)

    # problems

    def _report(self, scope: Scope, at: Place, what: str, *hints: str) -> None:
        if at in self._reported:  # a loop or block that comes here again
            return
        self._reported.add(at)
        self._problems.append(self._source.problem(at, what, *hints, *scope.callers))
        if len(self._problems) >= _MAX_PROBLEMS:
            raise TooManyError

    def _attempt(self, statement: S, scope: Scope, run: Callable[[S, Scope], None]) -> None:
        """Run a statement; a problem is kept, and the names that the statement would have defined are unknown."""
        try:
            run(statement, scope)
        except SourceError as fault:
            self._report(scope, fault.at, fault.what, *fault.hints)
            if isinstance(fault, LimitError):
                raise TooManyError from None
        except ConsequenceError:
            pass
        else:
            return
        for target in tree.targets(statement):
            scope.variables[target.name] = UNKNOWN

    def _check_ends(self) -> None:
        kinds_of_statements = {type(statement) for statement in self._network.body}
        if tree.Input not in kinds_of_statements:
            hint = "begin with an input: input image: float32[96, 96, 1]"
            self._report(self._top, self._network.at, "the network has no input", hint)
        if tree.Output not in kinds_of_statements:
            at = self._network.at if tree.Input in kinds_of_statements else NOWHERE
            self._report(self._top, at, "the network has no output", "end with an output: output y")
        if self._problems:
            return
        unread = self._built.unread()
        for name, kept in self._built.states.items():
            if kept.next is None:
                hint = f"say what it is after a run: next {name} = ..."
                self._report(self._top, kept.at, f"the state '{name}' has no next value", hint)
        for given in self._given:
            if isinstance(given, tree.Input) and given.name in unread and not given.unused:
                what = f"the input '{given.name}' is never used"
                self._report(self._top, given.at, what, "write 'unused' behind its type if that is meant")

    # statements

    def _run(self, statement: tree.Statement, scope: Scope) -> None:
        if isinstance(statement, tree.Assignment):
            self._attempt(statement, scope, self._assign)
        elif isinstance(statement, tree.Loop):
            self._attempt(statement, scope, self._loop)
        elif isinstance(statement, tree.Output):
            self._attempt(statement, scope, self._output)
        elif isinstance(statement, tree.Input):
            self._attempt(statement, scope, self._input)
        elif isinstance(statement, tree.State):
            self._attempt(statement, scope, self._state)
        elif isinstance(statement, tree.Next):
            self._attempt(statement, scope, self._next)
        elif isinstance(statement, tree.Weights):
            self._attempt(statement, scope, self._weights)
        elif isinstance(statement, tree.Return):
            self._report(scope, statement.at, "'return' stands at the end of a block")
        elif scope is not self._top:
            self._report(scope, statement.at, "a block cannot be defined inside another")

    def _assign(self, statement: tree.Assignment, scope: Scope) -> None:
        for target in statement.targets:
            self._check_free(target.name, target.at, scope)
        hints = tuple(target.name if target.name in scope.sole else None for target in statement.targets)
        if len({target.name for target in statement.targets}) < len(statement.targets):
            raise SourceError(statement.at, "the names on the left of '=' must differ")
        value = self._expressions.value(statement.value, scope, hints=hints)
        assign(scope, statement.targets, value)

    def _check_free(self, name: str, at: Place, scope: Scope) -> None:
        """SourceError where a name must keep its meaning."""
        if scope is not self._top:
            return
        for given in self._given:
            if given.name == name:
                what = "input" if isinstance(given, tree.Input) else "state"
                line = self._source.line(given.at)
                raise SourceError(at, f"'{name}' is the {what} of line {line}", "choose another name")
        if any(parameter.name == name for parameter in self._network.parameters):
            raise SourceError(at, f"'{name}' is a parameter of the network", "choose another name")

    def _loop(self, statement: tree.Loop, scope: Scope) -> None:
        items = self._expressions.value(statement.over, scope)
        if not isinstance(items, list):
            hint = ("range(n) makes a list of n numbers",) if isinstance(items, int) else ()
            raise SourceError(statement.at, f"'for' takes a list, not {describe(items)}", *hint)
        for item in items:
            self._expressions.charge(1, statement.at)
            assign(scope, statement.targets, item)
            for inner in statement.body:
                self._run(inner, scope)

    def _output(self, statement: tree.Output, scope: Scope) -> None:
        self._only_at_top("output", statement.at, scope)
        if statement.assignment is not None:
            self._assign(statement.assignment, scope)
        for expression in statement.values:
            value = self._expressions.value(expression, scope)
            for tensor in value if isinstance(value, tuple) else (value,):
                if not isinstance(tensor, Tensor):
                    raise SourceError(expression.at, f"an output is a value of the network, not {describe(tensor)}")
                self._built.outputs.append(tensor)

    def _input(self, statement: tree.Input, scope: Scope) -> None:
        self._built.inputs[statement.name] = self._tensor(statement, "input", scope)

    def _state(self, statement: tree.State, scope: Scope) -> None:
        tensor = self._tensor(statement, "state", scope)
        written = statement.initial
        initial = beginning(statement.name, tensor.type, self._expressions.value(written, scope), written.at)
        held = 0
        if statement.held is not None:
            held = held_runs(self._expressions.value(statement.held, scope), statement.held.at)
        self._built.states[statement.name] = Kept(tensor, initial, statement.at, held)

    def _next(self, statement: tree.Next, scope: Scope) -> None:
        self._only_at_top("next", statement.at, scope)
        kept = self._built.states.get(statement.state)
        if kept is None and scope.variables.get(statement.state) is UNKNOWN:
            raise ConsequenceError
        if kept is None:
            names = similar(statement.state, self._built.states)
            raise SourceError(statement.at, f"no state is called '{statement.state}' here", *names)
        if kept.next is not None:
            raise SourceError(statement.at, f"the state '{statement.state}' has a next value already")
        value = self._expressions.value(statement.value, scope)
        if not isinstance(value, Tensor):
            raise SourceError(statement.value.at, f"a state is a value of the network, not {describe(value)}")
        kept.next = value
        if value.type != kept.tensor.type:
            scaled = ", with another scale or zero point" if str(value.type) == str(kept.tensor.type) else ""
            what = f"the state '{statement.state}' is {kept.tensor.type}, its next value {value.type}{scaled}"
            raise SourceError(statement.value.at, what)

    def _tensor(self, statement: tree.Input | tree.State, what: str, scope: Scope) -> Tensor:
        """The value that an input or a state is."""
        self._only_at_top(what, statement.at, scope)
        self._check_free(statement.name, statement.at, scope)
        if statement.name in scope.variables:
            raise SourceError(statement.at, f"the name '{statement.name}' is taken")
        written = statement.type
        type_ = self._expressions.type(written.dtype, written.shape, written.at, scope)
        if written.quantisation is not None:
            quantisation = self._expressions.value(written.quantisation, scope)
            if not isinstance(quantisation, Quantisation):
                raise SourceError(written.quantisation.at, f"expected quantised(...), not {describe(quantisation)}")
            type_ = replace(type_, quant=quantisation)
        tensor = Tensor(type_, self._source.line(statement.at), f"{what} {statement.name}")
        self._given.append(statement)
        scope.variables[statement.name] = tensor
        return tensor

    def _weights(self, statement: tree.Weights, scope: Scope) -> None:
        self._only_at_top("weights", statement.at, scope)
        written = statement.source
        if isinstance(written, tree.Call) and written.name == "random":
            if statement.by_order:
                raise SourceError(statement.at, "'by order' is for files")
            self._origins.append(Seeded(self._seed(written, scope), written.at))
            return
        path = self._expressions.value(written, scope)
        if not isinstance(path, str) or not path or "\0" in path:
            raise SourceError(written.at, f'weights takes a file such as "model.h5", or random(), not {describe(path)}')
        self._origins.append(FromPath(path, statement.by_order, statement.at))

    def _seed(self, call: tree.Call, scope: Scope) -> int:
        seed: Value = 0
        for argument in call.arguments:
            if argument.keyword not in (None, "seed") or len(call.arguments) > 1:
                raise SourceError(argument.at, "random takes one argument, seed")
            seed = self._expressions.value(argument.value, scope)
        if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
            raise SourceError(call.at, f"a seed is a whole number of at least 0, not {describe(seed)}")
        return seed

    def _only_at_top(self, what: str, at: Place, scope: Scope) -> None:
        if scope is not self._top:
            raise SourceError(at, f"'{what}' cannot stand in a block")

    def _set_parameters(self, given: Mapping[str, Value]) -> None:
        known = [parameter.name for parameter in self._network.parameters]
        for name in given:
            if name not in known:
                hints = similar(name, known) or (f"it has {', '.join(known)}" if known else "it has none",)
                self._report(self._top, self._network.at, f"the network has no parameter '{name}'", *hints)
        for parameter in self._network.parameters:
            self._attempt(parameter, self._top, lambda each, scope: self._set_parameter(each, scope, given))

    def _set_parameter(self, parameter: tree.Parameter, scope: Scope, given: Mapping[str, Value]) -> None:
        if parameter.name in scope.variables:
            raise SourceError(parameter.at, f"there are two parameters '{parameter.name}'")
        if parameter.name in given:
            scope.variables[parameter.name] = given[parameter.name]
        elif parameter.default is not None:
            scope.variables[parameter.name] = self._expressions.value(parameter.default, scope)
        else:
            hint = f"give it a value: --set {parameter.name}=..., or a default here"
            raise SourceError(parameter.at, f"the parameter '{parameter.name}' has no value", hint)

    # blocks

    def _define(self, block: tree.Block, scope: Scope) -> None:
        if first := self._blocks.get(block.name):
            line = self._source.line(first.at)
            raise SourceError(block.at, f"the block '{block.name}' is defined in line {line} already")
        if kind_named(block.name) or callees.is_known(block.name) or block.name == "random":
            raise SourceError(block.at, f"'{block.name}' has a meaning of its own", "choose another name for the block")
        names = [parameter.name for parameter in block.parameters]
        for parameter in block.parameters:
            if names.count(parameter.name) > 1:
                raise SourceError(parameter.at, f"the block has two parameters '{parameter.name}'")
            if parameter.name == "name":
                raise SourceError(parameter.at, "every block takes a 'name' already", "choose another name")
        if not block.body or not isinstance(block.body[-1], tree.Return):
            raise SourceError(block.at, f"the block '{block.name}' gives nothing", "end it with: return y")
        self._blocks[block.name] = block

    def _call_block(self, block: tree.Block, call: tree.Call, scope: Scope, hints: Hints) -> Value:
        """The value that a block returns for these arguments; its layers are added to the network."""
        if block.name in self._active:
            chain = ", ".join([*self._active[self._active.index(block.name) :], block.name])
            raise SourceError(call.at, f"the block '{block.name}' calls itself: {chain}")
        given, arguments = name_argument(call, lambda each: self._expressions.value(each, scope))
        label = self._built.label(block.name, given, hints, scope, call.at)
        line = self._source.line(call.at)
        called = f"in block '{block.name}', called in line {line}"
        callers = (called, *scope.callers)[:_MAX_CALLERS]
        inner = replace(self._scope(block.body, block.parameters), parent=self._top, label=label, callers=callers)
        for name, written in bind_parameters(block, call, arguments).items():
            inner.variables[name] = self._expressions.value(written, scope)
        for parameter in block.parameters:
            if parameter.name not in inner.variables and parameter.default is not None:
                inner.variables[parameter.name] = self._expressions.value(parameter.default, inner)
        self._built.blocks.append(label)
        self._active.append(block.name)
        try:
            for statement in block.body[:-1]:
                self._run(statement, inner)
            last = block.body[-1]
            assert isinstance(last, tree.Return)
            values = [self._value_in(expression, inner) for expression in last.values]
        finally:
            self._active.pop()
        if len(values) == 1:
            return values[0]
        tensors = tuple(value for value in values if isinstance(value, Tensor))
        return tensors if len(tensors) == len(values) else values

    def _value_in(self, expression: tree.Expression, scope: Scope) -> Value:
        """A value of a block; its problems are the block's, not the caller's."""
        try:
            return self._expressions.value(expression, scope)
        except SourceError as fault:
            self._report(scope, fault.at, fault.what, *fault.hints)
            raise ConsequenceError from None

    # calls

    def _call(self, call: tree.Call, scope: Scope, hints: Hints) -> Value:
        if call.name in self._blocks:
            block = self._blocks[call.name]
            if block is None:
                raise ConsequenceError
            return self._call_block(block, call, scope, hints)
        kind = kind_named(call.name)
        if kind is None and call.name not in functions():
            return self._call_other(call, scope)
        given_name, arguments = name_argument(call, lambda each: self._expressions.value(each, scope))
        given, evaluated = split(arguments, lambda each: self._expressions.value(each, scope))
        if kind is None and not given.inputs:
            return self._call_other(call, scope)

        def read(expression: tree.Expression, words: frozenset[str]) -> Value:
            if id(expression) in evaluated:
                return evaluated[id(expression)]
            return self._expressions.value(expression, scope, words)

        bound = (
            bind_function(call.name, given, call.at, read)
            if kind is None
            else bind(kind, call.name, given, call.at, read)
        )
        inline = sum(c.array.size for c in bound.layer.constants.values() if not isinstance(c, Pending))
        self._expressions.charge(inline // ITEMS_A_STEP, call.at)
        return self._built.add(bound, given.inputs, given_name, hints, scope, call.at)

    def _call_other(self, call: tree.Call, scope: Scope) -> Value:
        """A function, an activation, a constant or a quantisation."""
        if not callees.is_known(call.name):
            known = [*self._blocks, *callees.names(), *(name for kind in kinds() for name in kind.names)]
            what = f"there is no layer, block or function called '{call.name}'"
            raise SourceError(call.at, what, *similar(call.name, known))
        positional: list[Value] = []
        named: dict[str, Value] = {}
        for argument in call.arguments:
            value = self._expressions.value(argument.value, scope)
            if argument.keyword is None:
                positional.append(value)
            else:
                named[argument.keyword] = value
        items = sum(len(value) for value in positional if isinstance(value, list))
        try:
            result = callees.call(call.name, positional, named)
        except RefusalError as fault:
            raise SourceError(call.at, fault.what, *fault.hints) from None
        items += len(result) if isinstance(result, list) else 0
        self._expressions.charge(items // ITEMS_A_STEP, call.at)
        return result


def literal(expression: tree.Expression) -> Value:
    """The value of an expression outside of any network: numbers, texts, words and lists."""

    def refuse(call: tree.Call, *_: object) -> Value:
        raise SourceError(call.at, "calls have no place here")

    return Expressions(refuse).value(expression, Scope(frozenset()))


def _sole(body: tuple[tree.Statement, ...], parameters: tuple[tree.Parameter, ...]) -> frozenset[str]:
    """The names that a body assigns once, and not in a loop."""
    counts = Counter(parameter.name for parameter in parameters)
    for statement in body:
        if isinstance(statement, tree.Loop):
            counts.update(2 * [target.name for target in tree.targets(statement)])
        else:
            counts.update(target.name for target in tree.targets(statement))
    return frozenset(name for name, count in counts.items() if count == 1)

"""Executes a parsed template.

Source: the documentation of Go's package text/template, whose messages this speaks; the option
`missingkey=zero`, which Prometheus sets, is always on.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vario.alert.template.format import quote, sprint
from vario.alert.template.nodes import (
    Action,
    Call,
    Chain,
    Command,
    Control,
    Dot,
    FieldPath,
    Identifier,
    Jump,
    Literal,
    Nil,
    Node,
    Operand,
    Pipe,
    Statement,
    Text,
    Variable,
)
from vario.alert.template.parse import Template, TemplateError
from vario.alert.template.values import (
    NO_VALUE,
    AlertData,
    AnyMap,
    QueryResult,
    Sample,
    StringMap,
    Value,
    is_true,
    struct_fields,
    type_name,
)

MAX_DEPTH = 100
"""Templates within templates; Go allows 100,000, which is of use to nobody."""


class FunctionError(Exception):
    """Raised by a template function; the text is Go's."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function that templates may call.

    Attributes:
        call: takes the arguments by position.
        parameters: Go types of the fixed parameters; `any` takes everything.
        variadic: Go type of further arguments, or None where there are none.
    """

    call: Callable[..., Value]
    parameters: tuple[str, ...] = ()
    variadic: str | None = None


class _Missing:
    """Stands for "no value came through the pipe"."""


_MISSING = _Missing()
_NIL_TYPES = frozenset({"any", "template.queryResult", "*template.sample"})


class _Jumped(Exception):
    """Unwinds to the innermost `range`."""

    def __init__(self, keyword: str) -> None:
        self.keyword = keyword


def execute(template: Template, data: Value, functions: Mapping[str, Function]) -> str:
    """Returns the text that a template makes of `data`.

    Raises:
        TemplateError: a fault while executing, with the place of it.
    """
    runner = _Runner(template, template.name, functions)
    runner.variables.append(("$", data))
    try:
        runner.run(data, template.bodies.get(template.name, []))
    except RecursionError:
        message = f"template: {template.name}: exceeded maximum template depth"
        raise TemplateError(message) from None
    return "".join(runner.out)


class _Runner:
    def __init__(self, template: Template, name: str, functions: Mapping[str, Function]) -> None:
        self.template = template
        self.name = name
        self.functions = functions
        self.out: list[str] = []
        self.variables: list[tuple[str, Value]] = []
        self.node: Node | None = None
        self.depth = 0

    def _fail(self, message: str) -> TemplateError:
        node = self.node
        if node is None:
            return TemplateError(f"template: {self.template.name}: {message}")
        before = self.template.text[: node.position]
        line = 1 + before.count("\n")
        column = len(before[before.rfind("\n") + 1 :].encode())
        return TemplateError(
            f"template: {self.template.name}:{line}:{column}: "
            f"executing {quote(self.name)} at <{node}>: {message}"
        )

    # Statements

    def run(self, dot: Value, body: Sequence[Statement]) -> None:
        for statement in body:
            self.node = statement
            match statement:
                case Text():
                    self.out.append(statement.text)
                case Action():
                    value = self._pipe(dot, statement.pipe)
                    if not statement.pipe.variables:
                        self.node = statement
                        self.out.append(_printed(value))
                case Control():
                    self._control(dot, statement)
                case Call():
                    self._call_template(dot, statement)
                case Jump():
                    raise _Jumped(statement.keyword)

    def _control(self, dot: Value, control: Control) -> None:
        visible = len(self.variables)
        try:
            if control.keyword == "range":
                self._range(dot, control)
                return
            value = self._pipe(dot, control.pipe)
            if is_true(value):
                self.run(value if control.keyword == "with" else dot, control.body)
            elif control.otherwise is not None:
                self.run(dot, control.otherwise)
        finally:
            del self.variables[visible:]

    def _range(self, dot: Value, control: Control) -> None:
        value = self._pipe(dot, control.pipe)
        visible = len(self.variables)
        names = control.pipe.variables
        pairs = self._pairs(value, len(names))
        if not pairs and control.otherwise is not None:
            self.run(dot, control.otherwise)
        for key, element in pairs:
            self._bind(control.pipe, names, key, element, visible)
            try:
                self.run(element, control.body)
            except _Jumped as jump:
                if jump.keyword == "break":
                    break
            finally:
                del self.variables[visible:]

    def _bind(
        self, pipe: Pipe, names: Sequence[str], key: Value, element: Value, visible: int
    ) -> None:
        values = (element,) if len(names) == 1 else (key, element)
        for i, (name, value) in enumerate(zip(names, values, strict=False)):
            if pipe.assigns:
                self._assign(name, value)
            else:
                self.variables[visible - len(names) + i] = (name, value)

    def _pairs(self, value: Value, variables: int) -> list[tuple[Value, Value]]:
        if value is None or value is NO_VALUE:
            return []
        if isinstance(value, Mapping):
            return [(key, value[key]) for key in sorted(value)]
        if isinstance(value, QueryResult):
            return list(enumerate(value))
        if isinstance(value, int) and not isinstance(value, bool):
            if variables > 1:
                raise self._fail(f"can't use {value} to iterate over more than one variable")
            return [(i, i) for i in range(value)]
        raise self._fail(f"range can't iterate over {sprint([value])}")

    def _call_template(self, dot: Value, call: Call) -> None:
        body = self.template.bodies.get(call.name)
        if body is None:
            raise self._fail(f"template {call.quoted} not defined")
        if self.depth == MAX_DEPTH:
            raise self._fail(f"exceeded maximum template depth ({MAX_DEPTH})")
        argument = NO_VALUE if call.pipe is None else self._pipe(dot, call.pipe)
        inner = _Runner(self.template, call.name, self.functions)
        inner.depth = self.depth + 1
        inner.out = self.out
        inner.variables.append(("$", argument))
        inner.run(argument, body)

    # Pipelines

    def _pipe(self, dot: Value, pipe: Pipe) -> Value:
        self.node = pipe
        value: Value = _MISSING
        for command in pipe.commands:
            value = self._command(dot, command, value)
        for name in pipe.variables:
            if pipe.assigns:
                self._assign(name, value)
            else:
                self.variables.append((name, value))
        return value

    def _assign(self, name: str, value: Value) -> None:
        for i in range(len(self.variables) - 1, -1, -1):
            if self.variables[i][0] == name:
                self.variables[i] = (name, value)
                return
        raise self._fail(f"undefined variable: {name}")

    def _variable(self, name: str) -> Value:
        for known, value in reversed(self.variables):
            if known == name:
                return value
        raise self._fail(f"undefined variable: {name}")

    def _command(self, dot: Value, command: Command, final: Value) -> Value:
        first = command.operands[0]
        match first:
            case FieldPath() | Chain() | Variable():
                return self._path(dot, first, command.operands, final)
            case Identifier():
                return self._function(dot, first, command, command.operands, final)
            case Pipe():
                self._not_a_function(command.operands, final)
                return self._pipe(dot, first)
            case _:
                self.node = first
                self._not_a_function(command.operands, final)
        if isinstance(first, Dot):
            return dot
        if isinstance(first, Nil):
            raise self._fail("nil is not a command")
        return self._constant(first)

    def _constant(self, literal: Literal) -> Value:
        if isinstance(literal.value, int) and literal.value >= 2**63:
            raise self._fail(f"{literal.text} overflows int")
        return literal.value

    def _not_a_function(self, operands: Sequence[Operand], final: Value) -> None:
        if len(operands) > 1 or final is not _MISSING:
            raise self._fail(f"can't give argument to non-function {operands[0]}")

    def _path(
        self,
        dot: Value,
        node: FieldPath | Chain | Variable,
        operands: Sequence[Operand],
        final: Value,
    ) -> Value:
        """Evaluates fields, the last of which may be a method with arguments."""
        self.node = node
        names = node.names
        if isinstance(node, Chain):
            if isinstance(node.base, Nil):
                raise self._fail(f"indirection through explicit nil in {node}")
            value = self._argument(dot, "any", node.base)
        elif isinstance(node, Variable):
            value = self._variable(names[0])
            names = names[1:]
            if not names:
                self._not_a_function(operands, final)
                return value
        else:
            value = dot
        dynamic = False
        for i, name in enumerate(names):
            last = i == len(names) - 1
            receiver = value
            value = self._field(
                dot, name, operands if last else [], final if last else _MISSING, value, dynamic
            )
            dynamic = isinstance(receiver, AnyMap) or (
                isinstance(receiver, AlertData) and name == "Value"
            )
        return value

    def _field(
        self,
        dot: Value,
        name: str,
        operands: Sequence[Operand],
        final: Value,
        receiver: Value,
        dynamic: bool,
    ) -> Value:
        if receiver is NO_VALUE or receiver is None:
            return NO_VALUE
        methods: Mapping[str, Function] = getattr(type(receiver), "METHODS", {})
        if name in methods:
            method = methods[name]
            bound = Function(
                lambda *arguments: method.call(receiver, *arguments),
                method.parameters,
                method.variadic,
            )
            return self._invoke(dot, bound, self.node, name, operands, final)
        has_arguments = len(operands) > 1 or final is not _MISSING
        fields = struct_fields(receiver)
        if fields is not None:
            for known, value in fields:
                if known == name:
                    if has_arguments:
                        raise self._fail(f"{name} has arguments but cannot be invoked as function")
                    return value
        elif isinstance(receiver, Mapping):
            if has_arguments:
                raise self._fail(f"{name} is not a method but has arguments")
            return receiver.get(name, "" if isinstance(receiver, StringMap) else NO_VALUE)
        go_type = "interface {}" if dynamic else type_name(receiver)
        raise self._fail(f"can't evaluate field {name} in type {go_type}")

    # Functions

    def _function(
        self,
        dot: Value,
        node: Identifier,
        command: Node,
        operands: Sequence[Operand],
        final: Value,
    ) -> Value:
        self.node = node
        function = self.functions[node.name]
        if node.name in ("and", "or"):
            return self._short_circuit(dot, node.name, operands[1:], final)
        return self._invoke(dot, function, command, node.name, operands, final)

    def _short_circuit(
        self, dot: Value, name: str, operands: Sequence[Operand], final: Value
    ) -> Value:
        if not operands and final is _MISSING:
            raise self._fail(f"wrong number of args for {name}: want at least 1 got 0")
        value: Value = NO_VALUE
        for operand in operands:
            value = self._argument(dot, "any", operand)
            if is_true(value) == (name == "or"):
                return value
        return value if final is _MISSING else final

    def _invoke(
        self,
        dot: Value,
        function: Function,
        node: Node | None,
        name: str,
        operands: Sequence[Operand],
        final: Value,
    ) -> Value:
        given = operands[1:]
        count = len(given) + (final is not _MISSING)
        fixed = len(function.parameters)
        if function.variadic is not None and count < fixed:
            raise self._fail(
                f"wrong number of args for {name}: want at least {fixed} got {len(given)}"
            )
        if function.variadic is None and count != fixed:
            raise self._fail(f"wrong number of args for {name}: want {fixed} got {count}")
        types = [*function.parameters, *[function.variadic or ""] * (count - fixed)]
        arguments = [
            self._argument(dot, go_type, operand)
            for go_type, operand in zip(types, given, strict=False)
        ]
        if final is not _MISSING:
            arguments.append(self._validated(final, types[-1]))
        try:
            return function.call(*arguments)
        except FunctionError as error:
            self.node = node
            raise self._fail(f"error calling {name}: {error}") from error

    def _argument(self, dot: Value, go_type: str, operand: Operand) -> Value:
        self.node = operand
        match operand:
            case Dot():
                return self._validated(dot, go_type)
            case Nil():
                if go_type in _NIL_TYPES:
                    return None
                raise self._fail(f"cannot assign nil to {go_type}")
            case FieldPath() | Variable() | Chain():
                return self._validated(self._path(dot, operand, [], _MISSING), go_type)
            case Pipe():
                return self._validated(self._pipe(dot, operand), go_type)
            case Identifier():
                value = self._function(dot, operand, operand, [], _MISSING)
                return self._validated(value, go_type)
            case Literal():
                return self._literal(operand, go_type)

    def _literal(self, literal: Literal, go_type: str) -> Value:
        """Returns a constant as the type that a parameter wants, as Go's ideal constants."""
        value = literal.value
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if go_type == "any":
            return self._constant(literal)
        if go_type == "string" and isinstance(value, str):
            return value
        if go_type == "float64" and number:
            return float(value)
        if go_type == "int" and number and value == int(value):
            return int(value)
        if go_type == "bool" and isinstance(value, bool):
            return value
        expected = {"string": "string", "float64": "float", "int": "integer", "bool": "bool"}
        if go_type in expected:
            raise self._fail(f"expected {expected[go_type]}; found {literal}")
        raise self._fail(f"can't handle {literal} for arg of type {go_type}")

    def _validated(self, value: Value, go_type: str) -> Value:
        if value is NO_VALUE or value is None:
            if go_type in _NIL_TYPES:
                return None
            raise self._fail(f"invalid value; expected {go_type}")
        if go_type not in ("any", type_name(value)):
            raise self._fail(f"wrong type for value; expected {go_type}; got {type_name(value)}")
        return value


def _printed(value: Any) -> str:
    """Returns a value as an action prints it; a pointer prints what it points to."""
    if value is NO_VALUE or value is None:
        return "<no value>"
    if isinstance(value, Sample):
        return sprint([value])[1:]
    return sprint([value])

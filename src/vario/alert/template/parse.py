"""Parses the text of a Go template into a syntax tree.

Source: the documentation of Go's package text/template, whose messages this speaks.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

from vario.alert.template.constants import read_constant
from vario.alert.template.format import quote
from vario.alert.template.lex import Token, lex
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
    is_empty,
)

_OPERANDS = frozenset(
    {"bool", "char", "dot", "field", "identifier", "number", "nil", "raw", "string", "variable"}
    | {"("}
)


class TemplateError(Exception):
    """A template that cannot be parsed or executed; the text is what Go would say."""


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template: its name, its text, and the bodies of all templates in it by name."""

    name: str
    text: str
    bodies: dict[str, list[Statement]]


def parse(name: str, text: str, functions: Collection[str]) -> Template:
    """Parses a template and those that it defines.

    Args:
        name: name of the template, for messages.
        text: its text.
        functions: names of the functions that may be called.

    Raises:
        TemplateError: the text is no template.
    """
    parser = _Parser(name, text, functions)
    parser.parse()
    return Template(name, text, parser.bodies)


@dataclass(slots=True)
class _End(Node):
    """`{{end}}` or `{{else}}`; closes a list and is no part of the tree."""

    keyword: str

    def __str__(self) -> str:
        return f"{{{{{self.keyword}}}}}"


@dataclass(slots=True)
class _Scope:
    """Variables that are visible, and how many `range` are open."""

    variables: list[str] = field(default_factory=lambda: ["$"])
    ranges: int = 0


class _Parser:
    def __init__(self, name: str, text: str, functions: Collection[str]) -> None:
        self.name = name
        self.functions = functions
        self.tokens = lex(text)
        self.ahead: list[Token] = []
        self.newest: Token | None = None
        self.scope = _Scope()
        self.bodies: dict[str, list[Statement]] = {}
        self.action_line = 0

    # Tokens

    def _next(self) -> Token:
        if self.ahead:
            return self.ahead.pop()
        self.newest = next(self.tokens)
        return self.newest

    def _back(self, *tokens: Token) -> None:
        """Puts tokens back, the first of them to be read first."""
        self.ahead.extend(reversed(tokens))

    def _peek(self) -> Token:
        token = self._next()
        self._back(token)
        return token

    def _next_word(self) -> Token:
        while (token := self._next()).kind == "space":
            pass
        return token

    def _peek_word(self) -> Token:
        token = self._next_word()
        self._back(token)
        return token

    def _expect(self, kind: str, context: str) -> Token:
        token = self._next_word()
        if token.kind != kind:
            raise self._unexpected(token, context)
        return token

    def _fail(self, message: str) -> TemplateError:
        line = self.newest.line if self.newest else 1
        return TemplateError(f"template: {self.name}:{line}: {message}")

    def _unexpected(self, token: Token, context: str) -> TemplateError:
        if token.kind != "error":
            return self._fail(f"unexpected {token} in {context}")
        extra = ""
        if self.action_line not in (0, token.line):
            extra = f" in action started at {self.name}:{self.action_line}"
            if token.text.endswith(" action"):
                extra = extra.removeprefix(" in action")
        return self._fail(f"{token}{extra}")

    # Statements

    def parse(self) -> None:
        root: list[Statement] = []
        while (token := self._peek()).kind != "eof":
            if token.kind == "left":
                self._next()
                word = self._next_word()
                if word.kind == "define":
                    self._definition()
                    continue
                self._back(token, word)
            node = self._statement()
            if isinstance(node, _End):
                raise self._fail(f"unexpected {node}")
            root.append(node)
        self._add(self.name, root)

    def _add(self, name: str, body: list[Statement]) -> None:
        old = self.bodies.get(name)
        if old is None or is_empty(old):
            self.bodies[name] = body
        elif not is_empty(body):
            raise self._fail(f"template: multiple definition of template {quote(name)}")

    def _definition(self) -> None:
        context = "define clause"
        token = self._next_word()
        if token.kind not in ("string", "raw"):
            raise self._unexpected(token, context)
        name = str(self._constant(token))
        self._expect("right", context)
        outer, self.scope = self.scope, _Scope()
        body, end = self._list()
        if end.keyword != "end":
            raise self._fail(f"unexpected {end} in {context}")
        self.scope = outer
        self._add(name, body)

    def _list(self) -> tuple[list[Statement], _End]:
        body: list[Statement] = []
        while self._peek_word().kind != "eof":
            node = self._statement()
            if isinstance(node, _End):
                return body, node
            body.append(node)
        raise self._fail("unexpected EOF")

    def _statement(self) -> Statement | _End:
        token = self._next_word()
        if token.kind == "text":
            return Text(token.position, token.text)
        if token.kind != "left":
            raise self._unexpected(token, "input")
        self.action_line = token.line
        try:
            return self._action()
        finally:
            self.action_line = 0

    def _action(self) -> Statement | _End:
        token = self._next_word()
        kind = token.kind
        if kind in ("if", "with", "range"):
            return self._control(kind)
        if kind in ("break", "continue"):
            return self._jump(token)
        if kind == "end":
            return _End(self._expect("right", "end").position, "end")
        plain = {"block": self._block, "else": self._else, "template": self._template}
        if kind in plain:
            return plain[kind]()
        self._back(token)
        return Action(token.position, self._pipeline("command", "right"))

    def _jump(self, token: Token) -> Jump:
        following = self._next_word()
        if following.kind != "right":
            raise self._unexpected(following, f"{{{{{token.kind}}}}}")
        if self.scope.ranges == 0:
            raise self._fail(f"{{{{{token.kind}}}}} outside {{{{range}}}}")
        return Jump(token.position, token.kind)

    def _else(self) -> _End:
        token = self._peek_word()
        if token.kind not in ("if", "with"):
            self._expect("right", "else")
        return _End(token.position, "else")

    def _control(self, keyword: str) -> Control:
        visible = len(self.scope.variables)
        pipe = self._pipeline(keyword, "right")
        self.scope.ranges += keyword == "range"
        body, end = self._list()
        self.scope.ranges -= keyword == "range"
        otherwise: list[Statement] | None = None
        if end.keyword == "else":
            following = self._peek().kind
            if following == keyword and keyword in ("if", "with"):
                self._next()
                otherwise = [self._control(keyword)]
            else:
                otherwise, end = self._list()
                if end.keyword != "end":
                    raise self._fail(f"expected end; found {end}")
        del self.scope.variables[visible:]
        return Control(pipe.position, keyword, pipe, body, otherwise)

    def _block(self) -> Call:
        context = "block clause"
        token = self._next_word()
        name = self._template_name(token, context)
        pipe = self._pipeline(context, "right")
        outer, self.scope = self.scope, _Scope()
        body, end = self._list()
        if end.keyword != "end":
            raise self._fail(f"unexpected {end} in {context}")
        self.scope = outer
        self._add(name, body)
        return Call(token.position, name, quote(name), pipe)

    def _template(self) -> Call:
        context = "template clause"
        token = self._next_word()
        name = self._template_name(token, context)
        following = self._next_word()
        pipe = None
        if following.kind != "right":
            self._back(following)
            pipe = self._pipeline(context, "right")
        return Call(token.position, name, quote(name), pipe)

    def _template_name(self, token: Token, context: str) -> str:
        if token.kind not in ("string", "raw"):
            raise self._unexpected(token, context)
        return str(self._constant(token))

    # Pipelines

    def _pipeline(self, context: str, end: str) -> Pipe:
        pipe = Pipe(self._peek_word().position)
        while self._declaration(pipe, context):
            pass
        while True:
            token = self._next_word()
            if token.kind == end:
                self._check(pipe, context)
                return pipe
            if token.kind not in _OPERANDS:
                raise self._unexpected(token, context)
            self._back(token)
            pipe.commands.append(self._command())

    def _declaration(self, pipe: Pipe, context: str) -> bool:
        """Reads `$x :=`, `$x =` or `$i,`; returns whether another variable may follow."""
        variable = self._peek_word()
        if variable.kind != "variable":
            return False
        self._next()
        after = self._peek()
        following = self._peek_word()
        is_comma = following.kind == "other" and following.text == ","
        if following.kind not in ("=", ":=") and not is_comma:
            self._back(variable, after) if after.kind == "space" else self._back(variable)
            return False
        self._next_word()
        pipe.assigns = following.kind == "="
        pipe.variables.append(variable.text)
        self.scope.variables.append(variable.text)
        if not is_comma:
            return False
        if context == "range" and len(pipe.variables) < 2:
            if self._peek_word().kind in ("variable", "right", ")"):
                return True
            raise self._fail("range can only initialize variables")
        raise self._fail(f"too many declarations in {context}")

    def _check(self, pipe: Pipe, context: str) -> None:
        if not pipe.commands:
            raise self._fail(f"missing value for {context}")
        for stage, command in enumerate(pipe.commands[1:], 2):
            if isinstance(command.operands[0], (Literal, Dot, Nil)):
                raise self._fail(f"non executable command in pipeline stage {stage}")

    def _command(self) -> Command:
        command = Command(self._peek_word().position)
        while True:
            self._peek_word()
            operand = self._operand()
            if operand is not None:
                command.operands.append(operand)
            token = self._next()
            if token.kind == "space":
                continue
            if token.kind in ("right", ")"):
                self._back(token)
            elif token.kind != "pipe":
                raise self._unexpected(token, "operand")
            break
        if not command.operands:
            raise self._fail("empty command")
        return command

    def _operand(self) -> Operand | None:
        node = self._term()
        if node is None or self._peek().kind != "field":
            return node
        position = self._peek().position
        names: list[str] = []
        while self._peek().kind == "field":
            names.append(self._next().text[1:])
        if isinstance(node, FieldPath):
            return FieldPath(position, (*node.names, *names))
        if isinstance(node, Variable):
            return Variable(position, (*node.names, *names))
        if isinstance(node, (Literal, Nil, Dot)):
            raise self._fail(f"unexpected . after term {quote(str(node))}")
        return Chain(position, node, tuple(names))

    def _term(self) -> Operand | None:
        token = self._next_word()
        node: Operand | None = None
        match token.kind:
            case "identifier":
                if token.text not in self.functions:
                    raise self._fail(f"function {quote(token.text)} not defined")
                node = Identifier(token.position, token.text)
            case "dot":
                node = Dot(token.position)
            case "nil":
                node = Nil(token.position)
            case "variable":
                if token.text not in self.scope.variables:
                    raise self._fail(f"undefined variable {quote(token.text)}")
                node = Variable(token.position, (token.text,))
            case "field":
                node = FieldPath(token.position, (token.text[1:],))
            case "(":
                node = self._pipeline("parenthesized pipeline", ")")
            case "error":
                raise self._unexpected(token, "operand")
            case "bool" | "number" | "char" | "string" | "raw":
                node = self._literal(token)
            case _:
                self._back(token)
        return node

    def _literal(self, token: Token) -> Literal:
        return Literal(token.position, self._constant(token), token.text)

    def _constant(self, token: Token) -> bool | int | float | str:
        try:
            return read_constant(token.kind, token.text)
        except ValueError as error:
            raise self._fail(str(error)) from error

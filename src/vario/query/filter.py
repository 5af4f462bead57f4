"""The one filter grammar of traces and logs, parsed into `vario.model.filter`.

::

    filter     = [ either ]                              an empty filter matches everything
    either     = both { "or" both }
    both       = unary { "and" unary }
    unary      = "not" unary | "(" either ")" | "exists" "(" field ")" | condition
    condition  = field op value | field "contains" value | text
               | field [ "not" ] "in" "(" value { "," value } ")"
    op         = "=" | "!=" | "<" | "<=" | ">" | ">=" | "=~" | "!~"
    field      = own name (service.name, duration, severity, ...) | "attributes." name
               | "resource." name | [ "." ] name         attribute, else resource attribute
    value      = text | word | number | duration | "true" | "false"

Text stands in double or single quotes with backslash escapes, or in backquotes without. A part of
a name may be quoted: `attributes."odd name"`. A field that is not there reads as empty text: so
`x != "a"` and `not x = "a"` hold where x is missing, and `exists(x)` leaves those out.
"""

from collections.abc import Callable
from typing import cast

from vario.errors import BadData
from vario.model.filter import (
    INTRINSIC_FIELDS,
    MATCH_ALL,
    And,
    Compare,
    CompareOp,
    Exists,
    Field,
    Filter,
    Not,
    Or,
    Scope,
    Text,
)
from vario.model.telemetry import Signal
from vario.query.filter_lexer import Token, TokenKind, fault, tokenize
from vario.query.filter_values import check_value, find_operators

MAX_LENGTH = 10_000
MAX_DEPTH = 64
KEYWORDS = frozenset({"and", "or", "not", "in", "contains", "exists", "true", "false"})


def parse_filter(text: str, signal: Signal) -> Filter:
    """Returns the tree of a filter over spans (`traces`) or log records (`logs`).

    Raises:
        BadData: the text is no filter; the message marks the place and says what to write.
    """
    if len(text) > MAX_LENGTH:
        raise BadData(f"filter: {len(text)} characters; at most {MAX_LENGTH} are read, shorten it")
    return _Parser(text, signal).parse()


def parse_field(text: str, signal: Signal) -> Field:
    """Returns the field that `text` names, such as `attributes.region` or `service.name`.

    Raises:
        BadData: the text is not the name of one field.
    """
    tokens = tokenize(text)
    if [token.kind for token in tokens] != ["word", "end"]:
        raise fault(text, 0, "this is not the name of a field", _NAME_REMEDY)
    return _field(text, tokens[0], signal)


_PREFIXES: tuple[tuple[str, Scope], ...] = (
    ("attributes.", "attributes"),
    ("resource.", "resource"),
    (".", "any"),
)
_NAME_REMEDY = 'name a field such as service.name, attributes.region or attributes."odd name"'


def _field(text: str, token: Token, signal: Signal) -> Field:
    """Resolves a name: own fields first, then the two maps by prefix, then both maps."""
    name = token.text
    own = INTRINSIC_FIELDS[signal]
    if name in own and not token.quoted:
        return Field("intrinsic", name)
    for prefix, scope in _PREFIXES:
        if name.startswith(prefix):
            if len(name) == len(prefix):
                raise fault(text, token.start, f"{name!r} lacks the attribute's name", _NAME_REMEDY)
            return Field(scope, name.removeprefix(prefix))
    other = Signal.LOGS if signal is Signal.TRACES else Signal.TRACES
    if name in INTRINSIC_FIELDS[other]:
        raise fault(
            text,
            token.start,
            f"{name!r} is a field of {other.value}, not of {signal.value}",
            f"write attributes.{name} for an attribute of that name",
        )
    return Field("any", name)


class _Parser:
    """Recursive descent over the tokens of one filter."""

    def __init__(self, text: str, signal: Signal) -> None:
        self._text = text
        self._signal = signal
        self._tokens = tokenize(text)
        self._index = 0
        self._depth = 0

    def parse(self) -> Filter:
        if self._next.kind == "end":
            return MATCH_ALL
        tree = self._either()
        self._expect("end", "join conditions by and, or; put a text of several words in quotes")
        return tree

    @property
    def _next(self) -> Token:
        return self._tokens[self._index]

    def _take(self) -> Token:
        token = self._next
        if token.kind != "end":
            self._index += 1
        return token

    def _keyword(self, *words: str) -> str:
        """Takes the next token if it is one of these keywords; returns it, else empty text."""
        token = self._next
        word = token.text.lower()
        if token.kind != "word" or token.quoted or word not in words:
            return ""
        self._index += 1
        return word

    def _expect(self, kind: TokenKind, remedy: str) -> Token:
        if self._next.kind != kind:
            found = "the end" if self._next.kind == "end" else repr(self._next.text)
            wanted = "the end" if kind == "end" else repr(kind)
            raise self._fault(f"expected {wanted}, found {found}", remedy)
        return self._take()

    def _fault(self, problem: str, remedy: str, token: Token | None = None) -> BadData:
        return fault(self._text, (token or self._next).start, problem, remedy)

    def _either(self) -> Filter:
        return self._chain("or", self._both, Or)

    def _both(self) -> Filter:
        return self._chain("and", self._unary, And)

    def _chain(
        self, word: str, operand: Callable[[], Filter], node: type[And] | type[Or]
    ) -> Filter:
        operands = [operand()]
        while self._keyword(word):
            operands.append(operand())
        return operands[0] if len(operands) == 1 else node(tuple(operands))

    def _unary(self) -> Filter:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._fault(f"more than {MAX_DEPTH} levels of nesting", "write it flatter")
        try:
            return self._operand()
        finally:
            self._depth -= 1

    def _operand(self) -> Filter:
        if self._keyword("not"):
            return Not(self._unary())
        if self._next.kind == "(":
            self._take()
            inside = self._either()
            self._expect(")", "close the parenthesis")
            return inside
        following = self._tokens[min(self._index + 1, len(self._tokens) - 1)]
        if following.kind == "(" and self._keyword("exists"):
            self._take()
            field = self._take_field()
            self._expect(")", "write exists(field)")
            return Exists(field)
        return self._condition()

    def _take_field(self) -> Field:
        token = self._next
        if token.kind != "word" or (token.text.lower() in KEYWORDS and not token.quoted):
            raise self._fault("the name of a field is missing", _NAME_REMEDY)
        return _field(self._text, self._take(), self._signal)

    def _condition(self) -> Filter:
        token = self._next
        following = self._tokens[min(self._index + 1, len(self._tokens) - 1)]
        compared = following.kind == "op" or (
            following.kind == "word" and following.text.lower() in ("contains", "in", "not")
        )
        if token.kind == "string":
            if compared and following.kind == "op":
                remedy = f'write attributes."{token.text}" for an attribute of that name'
                raise self._fault("a text is no field", remedy)
            return Text(self._take().text)
        if token.kind == "word" and not compared and token.text.lower() not in KEYWORDS:
            return self._lone_word()
        return self._comparison()

    def _lone_word(self) -> Filter:
        """A word by itself: a yes-or-no field that holds, else free text."""
        token = self._take()
        own = INTRINSIC_FIELDS[self._signal].get(token.text)
        if own == "bool":
            return Compare(Field("intrinsic", token.text), "=", True)
        if own or token.quoted or token.text.startswith(("attributes.", "resource.", ".")):
            remedy = f'write {token.text} = "...", or exists({token.text})'
            raise self._fault(f"{token.text} is not compared with anything", remedy, token)
        return Text(token.text)

    def _comparison(self) -> Filter:
        name = self._next
        field = self._take_field()
        if self._next.kind == "op":
            op = cast(CompareOp, self._take().text)
            return self._compare(field, name, op)
        if self._keyword("contains"):
            return self._compare(field, name, "contains")
        negated = bool(self._keyword("not"))
        if not self._keyword("in"):
            raise self._fault(
                "an operator is missing", "use = != < <= > >= =~ !~ contains, in or not in"
            )
        self._expect("(", 'write in ("a", "b")')
        choices = [self._compare(field, name, "=")]
        while self._next.kind == ",":
            self._take()
            choices.append(self._compare(field, name, "="))
        self._expect(")", "close the list")
        chosen = choices[0] if len(choices) == 1 else Or(tuple(choices))
        return Not(chosen) if negated else chosen

    def _compare(self, field: Field, name: Token, op: CompareOp) -> Compare:
        token = self._next
        if token.kind not in ("word", "string"):
            raise self._fault(
                f"a value is missing after {op}", 'write a text such as "a", a number or true'
            )
        self._take()
        known = find_operators(self._signal, field)
        if op not in known:
            raise self._fault(
                f"{name.text} is not compared by {op}",
                f"use one of {' '.join(sorted(known))}",
                name,
            )
        try:
            value = check_value(self._signal, field, op, token)
        except ValueError as error:
            problem, _, remedy = str(error).partition("; ")
            raise self._fault(problem, remedy, token) from None
        return Compare(field, op, value)

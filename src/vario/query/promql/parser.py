"""Tokens to a checked syntax tree (Prometheus' generated_parser.y, by precedence climbing).

The `promql-parser` wheel speaks the grammar of Prometheus 2.45 and keeps no positions; error
messages and annotations name positions, so the grammar is here. The tests compare both on every
query that the wheel can parse.
"""

from dataclasses import replace
from typing import Literal, cast

from vario.model.series import Matcher, MatchOp
from vario.query.promql import modifiers
from vario.query.promql.check import check
from vario.query.promql.features import Features
from vario.query.promql.lexer import (
    AGGREGATORS,
    KEYWORDS,
    PREPROCESSORS,
    WORD_OPERATORS,
    ParseError,
    Position,
    Token,
    go_quote,
    tokenize,
)
from vario.query.promql.literals import parse_duration_ms, parse_number, unquote
from vario.query.promql.matching import is_label_name, matches_empty
from vario.query.promql.nodes import (
    Aggregate,
    Binary,
    Call,
    DurationBinary,
    DurationCall,
    DurationExpr,
    DurationUnary,
    Node,
    NumberLiteral,
    Paren,
    StringLiteral,
    Subquery,
    Unary,
    VectorMatching,
    VectorSelector,
)
from vario.query.promql.signatures import (
    EXPERIMENTAL_AGGREGATORS,
    FUNCTIONS,
    PARAMETER_AGGREGATORS,
)

_PRECEDENCE = {
    "or": 1,
    **dict.fromkeys(("and", "unless"), 2),
    **dict.fromkeys(("==", "!=", "<=", "<", ">=", ">", "</", ">/"), 3),
    **dict.fromkeys(("+", "-"), 4),
    **dict.fromkeys(("*", "/", "%", "atan2"), 5),
    "^": 6,
}
_UNARY_PRECEDENCE = 5
_DURATION_PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2, "%": 2, "^": 3}
_DURATION_FUNCTIONS = {"step": 0, "range": 0, "min_of": 2, "max_of": 2}
# Words that may also name a metric (metric_identifier in the grammar); `bool`, `on` and the
# matching words may not.
_METRIC_WORDS = (
    (AGGREGATORS | PREPROCESSORS | WORD_OPERATORS) - {"atan2"}
    | {"by", "without", "offset", "identifier", "metric_identifier"}
    | {"anchored", "smoothed", "fill", "fill_left", "fill_right"}
)
_LABEL_WORDS = AGGREGATORS | KEYWORDS | WORD_OPERATORS | PREPROCESSORS | {"identifier"}


def parse(query: str, features: Features | None = None) -> Node:
    """Returns the checked syntax tree of a query.

    Args:
        query: PromQL.
        features: which experimental parts of the language are allowed; none by default.

    Raises:
        ParseError: the query is not PromQL; the message begins with line and column.
    """
    return _Parser(query, features or Features()).parse_query()


def parse_selector(query: str) -> tuple[Matcher, ...]:
    """Returns the matchers of a series selector such as `up{job="a"}`.

    Raises:
        ParseError: it is not a plain selector.
    """
    parser = _Parser(query, Features())
    node = parser.vector_selector()
    if parser.token.kind != "eof":
        raise parser.unexpected("", "")
    check(node, query, Features())
    return node.matchers


class _Parser:
    def __init__(self, query: str, features: Features) -> None:
        self.query = query
        self.features = features
        self.tokens, self.lexer_error = tokenize(query)
        self.index = 0
        self.last_closing = 0

    @property
    def token(self) -> Token:
        token = self.tokens[self.index]
        if token.kind == "error" and self.lexer_error:
            raise self.lexer_error
        return token

    def at(self, *kinds: str) -> bool:
        return self.token.kind in kinds

    def advance(self) -> Token:
        token = self.token
        self.index += 1
        if token.kind in (")", "]", "}", "number", "duration"):
            self.last_closing = token.end
        return token

    def accept(self, kind: str) -> bool:
        if self.token.kind != kind:
            return False
        self.advance()
        return True

    def expect(self, kind: str, context: str = "", expected: str = "") -> Token:
        if self.token.kind != kind:
            raise self.unexpected(context, expected)
        return self.advance()

    def unexpected(self, context: str, expected: str) -> ParseError:
        message = f"unexpected {self.token.describe()}"
        message += f" in {context}" if context else ""
        message += f", expected {expected}" if expected else ""
        return ParseError(message, self.token.position, self.query)

    def fail(self, message: str, position: Position) -> ParseError:
        return ParseError(message, position, self.query)

    def parse_query(self) -> Node:
        if self.token.kind == "eof":
            raise ParseError("no expression found in input", Position(0, 0), self.query)
        node = self.expression(0)
        if self.token.kind != "eof":
            raise self.unexpected("", "")
        return check(node, self.query, self.features)

    # Expressions

    def expression(self, least: int) -> Node:
        left = self.unary()
        while (precedence := _PRECEDENCE.get(self.token.kind, 0)) and precedence >= max(least, 1):
            operator = self.advance().kind
            matching, return_bool = self.binary_modifiers()
            right = self.expression(precedence if operator == "^" else precedence + 1)
            position = Position(left.position.start, right.position.end)
            left = Binary(operator, left, right, position, matching, return_bool)
        return left

    def unary(self) -> Node:
        if self.token.kind not in ("+", "-"):
            return self.postfix(self.primary())
        sign = self.advance()
        operand = self.expression(_UNARY_PRECEDENCE + 1)
        position = Position(sign.start, operand.position.end)
        if isinstance(operand, NumberLiteral):
            value = -operand.value if sign.kind == "-" else operand.value
            return NumberLiteral(value, position, operand.duration)
        return Unary(sign.kind, operand, position)

    def primary(self) -> Node:
        token = self.token
        following = self.tokens[self.index + 1].kind if token.kind != "eof" else "eof"
        if token.kind in ("number", "duration"):
            return self.number()
        if token.kind == "string":
            return StringLiteral(self.unquoted(self.advance()), token.position)
        if token.kind == "(":
            self.advance()
            inner = self.expression(0)
            self.expect(")")
            return Paren(inner, Position(token.start, self.last_closing))
        if token.kind in AGGREGATORS and following in ("(", "by", "without"):
            return self.aggregate()
        if token.kind in ("identifier", *PREPROCESSORS) and following == "(":
            return self.call()
        if token.kind == "{" or token.kind in _METRIC_WORDS:
            return self.vector_selector()
        raise self.unexpected("", "")

    def number(self) -> NumberLiteral:
        token = self.advance()
        try:
            if token.kind == "duration":
                value = parse_duration_ms(token.text) / 1000
                return NumberLiteral(value, token.position, duration=True)
            return NumberLiteral(parse_number(token.text), token.position)
        except ValueError as error:
            raise self.fail(str(error), token.position) from error

    def unquoted(self, token: Token) -> str:
        try:
            return unquote(token.text)
        except ValueError as error:
            message = f"error unquoting string {go_quote(token.text)}: {error}"
            raise self.fail(message, token.position) from error

    def arguments(self) -> tuple[Node, ...]:
        self.expect("(")
        args: list[Node] = []
        if self.accept(")"):
            return ()
        while True:
            args.append(self.expression(0))
            if self.accept(")"):
                return tuple(args)
            comma = self.expect(",", "", "")
            if self.token.kind in (")", ","):
                raise self.fail("trailing commas not allowed in function call args", comma.position)

    def call(self) -> Node:
        name = self.advance()
        args = self.arguments()
        position = Position(name.start, self.last_closing)
        signature = FUNCTIONS.get(name.text)
        if signature is None:
            raise self.fail(f"unknown function with name {go_quote(name.text)}", name.position)
        if signature.experimental and not self.features.experimental_functions:
            message = (
                f"function {go_quote(name.text)} is not enabled; it is experimental: "
                "switch experimental functions on to use it"
            )
            raise self.fail(message, name.position)
        return Call(name.text, args, position)

    def aggregate(self) -> Node:
        operator = self.advance()
        grouping, without = self.grouping_modifier()
        if grouping is None and self.token.kind != "(":
            raise self.unexpected("aggregation", "")
        args = self.arguments()
        end = self.last_closing
        if grouping is None:
            grouping, without = self.grouping_modifier()
            end = self.last_closing if grouping is not None else end
        position = Position(operator.start, end)
        return self.assemble_aggregate(operator.kind, args, grouping or (), without, position)

    def assemble_aggregate(
        self,
        operator: str,
        args: tuple[Node, ...],
        grouping: tuple[str, ...],
        without: bool,
        position: Position,
    ) -> Aggregate:
        if not args:
            raise self.fail("no arguments for aggregate expression provided", position)
        experimental = operator in EXPERIMENTAL_AGGREGATORS
        if experimental and not self.features.experimental_functions:
            message = f"{operator}() is experimental: switch experimental functions on to use it"
            raise self.fail(message, position)
        wanted = 2 if operator in PARAMETER_AGGREGATORS else 1
        if len(args) != wanted:
            message = (
                "wrong number of arguments for aggregate expression provided, "
                f"expected {wanted}, got {len(args)}"
            )
            raise self.fail(message, position)
        param = args[0] if wanted == 2 else None
        return Aggregate(operator, args[-1], position, param, grouping, without)

    def grouping_modifier(self) -> tuple[tuple[str, ...] | None, bool]:
        if self.token.kind not in ("by", "without"):
            return None, False
        without = self.advance().kind == "without"
        return self.grouping_labels(), without

    def grouping_labels(self) -> tuple[str, ...]:
        self.expect("(", "grouping opts", '"("')
        labels: list[str] = []
        while not self.accept(")"):
            token = self.token
            if token.kind == "string":
                labels.append(self.unquoted(self.advance()))
                if not is_label_name(labels[-1]):
                    message = f"invalid label name for grouping: {go_quote(labels[-1])}"
                    raise self.fail(message, Position(token.start, token.end))
            elif token.kind in _LABEL_WORDS or token.kind == "metric_identifier":
                labels.append(self.advance().text)
            else:
                raise self.unexpected("grouping opts", "label")
            if self.token.kind not in (",", ")"):
                raise self.unexpected("grouping opts", '"," or ")"')
            if self.accept(",") and self.token.kind == ",":
                raise self.unexpected("grouping opts", "label")
        return tuple(labels)

    def binary_modifiers(self) -> tuple[VectorMatching, bool]:
        return_bool = self.accept("bool")
        matching = VectorMatching()
        if self.token.kind in ("on", "ignoring"):
            on = self.advance().kind == "on"
            matching = replace(matching, on=on, labels=self.grouping_labels())
            if self.at("group_left", "group_right"):
                left = self.advance().kind == "group_left"
                include = self.grouping_labels() if self.at("(") else ()
                card: Literal["many-to-one", "one-to-many"]
                card = "many-to-one" if left else "one-to-many"
                matching = replace(matching, card=card, include=include)
        while self.token.kind in ("fill", "fill_left", "fill_right"):
            if self.tokens[self.index + 1].kind != "(":
                break
            matching = self.fill_modifier(matching)
        return matching, return_bool

    def fill_modifier(self, matching: VectorMatching) -> VectorMatching:
        word = self.advance()
        self.expect("(")
        negative = self.token.kind == "-"
        if self.token.kind in ("+", "-"):
            self.advance()
        if self.token.kind not in ("number", "duration"):
            raise self.unexpected("fill modifier", "number")
        value = self.number().value * (-1 if negative else 1)
        self.expect(")")
        if not self.features.fill_modifiers:
            message = "binop fill modifiers are experimental and not enabled"
            raise self.fail(message, word.position)
        left = matching.fill_left if word.kind == "fill_right" else value
        right = matching.fill_right if word.kind == "fill_left" else value
        return replace(matching, fill_left=left, fill_right=right)

    # Selectors

    def vector_selector(self) -> VectorSelector:
        start = self.token.start
        name = self.advance().text if self.token.kind in _METRIC_WORDS else ""
        matchers: list[Matcher] = []
        end = start + len(name)
        if self.token.kind == "{":
            matchers = self.label_matchers()
            end = self.last_closing
        elif not name:
            raise self.unexpected("", "")
        if name:
            matchers.append(Matcher("__name__", "=", name))
        return VectorSelector(name, tuple(matchers), Position(start, end))

    def label_matchers(self) -> list[Matcher]:
        self.expect("{")
        matchers: list[Matcher] = []
        while not self.accept("}"):
            matchers.append(self.label_matcher())
            if self.token.kind not in (",", "}"):
                raise self.unexpected("label matching", '"," or "}"')
            if self.accept(",") and self.token.kind == ",":
                raise self.unexpected("label matching", 'identifier or "}"')
        return matchers

    def label_matcher(self) -> Matcher:
        token = self.token
        if token.kind not in ("identifier", "string"):
            raise self.unexpected("label matching", 'identifier or "}"')
        self.advance()
        name = self.unquoted(token) if token.kind == "string" else token.text
        if token.kind == "string" and self.token.kind in (",", "}"):
            return Matcher("__name__", "=", name)
        if self.token.kind not in ("=", "!=", "=~", "!~"):
            raise self.unexpected("label matching", "label matching operator")
        op = cast(MatchOp, self.advance().kind)
        if not self.at("string"):
            raise self.unexpected("label matching", "string")
        value = self.advance()
        matcher = Matcher(name, op, self.unquoted(value))
        try:
            matches_empty(matcher)
        except ValueError as error:
            raise self.fail(str(error), Position(token.start, value.end)) from error
        return matcher

    def postfix(self, node: Node) -> Node:
        while True:
            kind = self.token.kind
            if kind == "[":
                node = self.brackets(node)
            elif kind == "offset":
                self.advance()
                duration = self.offset_duration()
                node = modifiers.set_offset(node, duration, self.last_closing, self.query)
            elif kind == "@":
                self.advance()
                node = self.at_modifier(node)
            elif kind in ("anchored", "smoothed"):
                self.advance()
                if not self.features.extended_ranges:
                    message = f"{kind} modifier is experimental and not enabled"
                    raise self.fail(message, node.position)
                node = modifiers.set_extended(node, kind, self.query)
            else:
                return node

    def at_modifier(self, node: Node) -> Node:
        if self.token.kind in PREPROCESSORS:
            edge = cast(Literal["start", "end"], self.advance().kind)
            self.expect("(", "@", "timestamp")
            self.expect(")", "@", "timestamp")
            return modifiers.set_at(node, edge, self.last_closing, self.query)
        negative = self.token.kind == "-"
        if self.token.kind in ("+", "-"):
            self.advance()
        if self.token.kind not in ("number", "duration"):
            raise self.unexpected("@", "timestamp")
        seconds = self.number().value * (-1 if negative else 1)
        return modifiers.set_at(node, seconds, self.last_closing, self.query)

    def brackets(self, node: Node) -> Node:
        bracket = self.advance()
        duration = self.duration_expression(0, "subquery selector")
        if self.token.kind == "]":
            closing = self.advance()
            where = Position(bracket.start, closing.end)
            return modifiers.make_matrix(node, duration, where, self.query)
        if not self.accept(":"):
            raise self.unexpected("subquery or range", '":" or "]"')
        step: DurationExpr | None = None
        if self.token.kind != "]":
            step = self.duration_expression(0, "subquery selector")
        closing = self.expect("]", "subquery selector", '"]"')
        position = Position(node.position.start, closing.end)
        range_ms, range_expr = modifiers.split_duration(duration, self.query)
        step_ms, step_expr = modifiers.split_duration(step, self.query)
        return Subquery(node, range_ms, step_ms, position, range_expr, step_expr)

    # Durations: literals in the stable language, arithmetic where it is switched on

    def offset_duration(self) -> DurationExpr:
        sign = self.advance() if self.token.kind in ("+", "-") else None
        operand = self.duration_primary("offset")
        return self.signed(sign, operand) if sign else operand

    def signed(self, sign: Token, operand: DurationExpr) -> DurationExpr:
        position = Position(sign.start, operand.position.end)
        if isinstance(operand, NumberLiteral):
            value = -operand.value if sign.kind == "-" else operand.value
            return NumberLiteral(value, position, operand.duration)
        return DurationUnary(sign.kind, operand, position)

    def duration_expression(self, least: int, context: str) -> DurationExpr:
        if self.token.kind in ("+", "-"):
            sign = self.advance()
            left = self.signed(sign, self.duration_expression(3, context))
            self.need_duration_expressions(left)
        else:
            left = self.duration_primary(context)
        while precedence := _DURATION_PRECEDENCE.get(self.token.kind, 0):
            if precedence < least:
                break
            operator = self.advance().kind
            after = precedence if operator == "^" else precedence + 1
            right = self.duration_expression(after, context)
            position = Position(left.position.start, right.position.end)
            left = DurationBinary(operator, left, right, position)
            self.need_duration_expressions(left)
        return left

    def duration_primary(self, context: str) -> DurationExpr:
        token = self.token
        if token.kind in ("number", "duration"):
            return self.number()
        if token.kind == "(":
            self.advance()
            inner = self.duration_expression(0, context)
            self.expect(")", context, '")"')
            position = Position(token.start, self.last_closing)
            self.need_duration_expressions(inner)
            if isinstance(inner, DurationBinary):
                return replace(inner, wrapped=True)
            return DurationUnary("+", inner, position)
        name = token.text.lower()
        if token.kind != "identifier" or name not in _DURATION_FUNCTIONS:
            raise self.unexpected(context, "number or duration")
        return self.duration_call(name, context)

    def duration_call(self, name: str, context: str) -> DurationExpr:
        start = self.advance().start
        self.expect("(", context, '"("')
        args: list[DurationExpr] = []
        while self.token.kind != ")":
            args.append(self.duration_expression(0, context))
            if self.token.kind != ")":
                self.expect(",", context, '"," or ")"')
        self.expect(")")
        node = DurationCall(name, tuple(args), Position(start, self.last_closing))
        if len(args) != _DURATION_FUNCTIONS[name]:
            message = f"{name}() takes {_DURATION_FUNCTIONS[name]} arguments, got {len(args)}"
            raise self.fail(message, node.position)
        self.need_duration_expressions(node)
        return node

    def need_duration_expressions(self, node: DurationExpr) -> None:
        if not self.features.duration_expressions:
            message = "experimental duration expression is not enabled"
            raise self.fail(message, node.position)

"""Types and other rules that the grammar does not say (Prometheus' checkAST)."""

from dataclasses import replace

from vario.query.promql.features import Features
from vario.query.promql.lexer import ParseError, Position, go_quote
from vario.query.promql.matching import matches_empty
from vario.query.promql.nodes import (
    COMPARISONS,
    DOCUMENTED_TYPE,
    SET_OPERATORS,
    Aggregate,
    Binary,
    Call,
    MatrixSelector,
    Node,
    NumberLiteral,
    Paren,
    StepInvariant,
    StringLiteral,
    Subquery,
    Unary,
    ValueType,
    VectorMatching,
    VectorSelector,
)
from vario.query.promql.signatures import FUNCTIONS, Signature


def type_of(node: Node) -> ValueType:  # noqa: PLR0911 - one return a case
    """Returns the type of value that a node gives."""
    match node:
        case NumberLiteral():
            return "scalar"
        case StringLiteral():
            return "string"
        case MatrixSelector() | Subquery():
            return "matrix"
        case Call():
            return FUNCTIONS[node.name].returns
        case Paren() | Unary() | StepInvariant():
            return type_of(node.expr)
        case Binary():
            both = {type_of(node.lhs), type_of(node.rhs)}
            return "scalar" if both == {"scalar"} else "vector"
        case VectorSelector() | Aggregate():
            return "vector"


def check(node: Node, query: str, features: Features) -> Node:
    """Returns the tree with what only types can tell filled in.

    Raises:
        ParseError: a rule is broken.
    """
    return _Checker(query, features).check(node)


class _Checker:
    def __init__(self, query: str, features: Features) -> None:
        self.query = query
        self.features = features

    def fail(self, message: str, position: Position) -> ParseError:
        return ParseError(message, position, self.query)

    def check(self, node: Node) -> Node:  # noqa: PLR0911 - one return a case
        match node:
            case Aggregate():
                return self.aggregate(node)
            case Binary():
                return self.binary(node)
            case Call():
                return self.call(node)
            case Paren():
                return replace(node, expr=self.check(node.expr))
            case Unary():
                return self.unary(node)
            case Subquery():
                return self.subquery(node)
            case MatrixSelector():
                self.selector(node.vector)
                return node
            case VectorSelector():
                self.selector(node)
                return node
            case NumberLiteral() | StringLiteral() | StepInvariant():
                return node

    def expect(self, node: Node, want: ValueType, context: str) -> Node:
        checked = self.check(node)
        got = type_of(checked)
        if got != want:
            message = (
                f"expected type {DOCUMENTED_TYPE[want]} in {context}, got {DOCUMENTED_TYPE[got]}"
            )
            raise self.fail(message, node.position)
        return checked

    def aggregate(self, node: Aggregate) -> Aggregate:
        expr = self.expect(node.expr, "vector", "aggregation expression")
        param = node.param
        if param is not None:
            want = "string" if node.op == "count_values" else "scalar"
            param = self.expect(param, want, "aggregation parameter")
        return replace(node, expr=expr, param=param)

    def unary(self, node: Unary) -> Unary:
        checked = self.check(node.expr)
        got = type_of(checked)
        if got not in ("scalar", "vector"):
            message = (
                "unary expression only allowed on expressions of type scalar or instant vector, "
                f"got {go_quote(DOCUMENTED_TYPE[got])}"
            )
            raise self.fail(message, node.position)
        return replace(node, expr=checked)

    def subquery(self, node: Subquery) -> Subquery:
        checked = self.check(node.expr)
        got = type_of(checked)
        if got != "vector":
            message = f"subquery is only allowed on instant vector, got {got} instead"
            raise self.fail(message, node.position)
        return replace(node, expr=checked)

    def selector(self, node: VectorSelector, *, may_match_all: bool = False) -> None:
        if node.name:
            for matcher in node.matchers[:-1]:
                if matcher.name == "__name__":
                    message = (
                        f"metric name must not be set twice: {go_quote(node.name)} "
                        f"or {go_quote(matcher.value)}"
                    )
                    raise self.fail(message, node.position)
        if not node.name and not may_match_all and all(map(matches_empty, node.matchers)):
            message = "vector selector must contain at least one non-empty matcher"
            raise self.fail(message, node.position)

    # Binary operators

    def operator_position(self, node: Binary) -> Position:
        between = self.query[node.lhs.position.end : node.rhs.position.start]
        start = node.lhs.position.end + len(between) - len(between.lstrip())
        return Position(start, start + len(between.strip()))

    def binary(self, node: Binary) -> Binary:
        lhs, rhs = self.check(node.lhs), self.check(node.rhs)
        left, right = type_of(lhs), type_of(rhs)
        if node.return_bool and node.op not in COMPARISONS:
            message = "bool modifier can only be used on comparison operators"
            raise self.fail(message, self.operator_position(node))
        if node.op in COMPARISONS and not node.return_bool and left == right == "scalar":
            message = "comparisons between scalars must use BOOL modifier"
            raise self.fail(message, self.operator_position(node))
        for side, kind in ((node.lhs, left), (node.rhs, right)):
            if kind not in ("scalar", "vector"):
                message = "binary expression must contain only scalar and instant vector types"
                raise self.fail(message, side.position)
        matching = self.matching(node, left == right == "vector")
        if "scalar" in (left, right) and node.op in SET_OPERATORS:
            message = f"set operator {go_quote(node.op)} not allowed in binary scalar expression"
            raise self.fail(message, node.position)
        return replace(node, lhs=lhs, rhs=rhs, matching=matching)

    def matching(self, node: Binary, between_vectors: bool) -> VectorMatching | None:
        matching = node.matching or VectorMatching()
        filled = matching.fill_left is not None or matching.fill_right is not None
        both = set(matching.labels) & set(matching.include)
        if both and matching.on:
            message = f"label {go_quote(min(both))} must not occur in ON and GROUP clause at once"
            raise self.fail(message, self.operator_position(node))
        if not between_vectors:
            if matching.labels:
                message = "vector matching only allowed between instant vectors"
                raise self.fail(message, node.position)
            if filled:
                message = "filling in missing series only allowed between instant vectors"
                raise self.fail(message, node.position)
            return None
        if node.op in SET_OPERATORS:
            if matching.card != "one-to-one":
                message = f"no grouping allowed for {go_quote(node.op)} operation"
                raise self.fail(message, node.position)
            if filled:
                message = "filling in missing series not allowed for set operators"
                raise self.fail(message, node.position)
            return replace(matching, card="many-to-many")
        return matching

    # Calls

    def call(self, node: Call) -> Call:
        signature = FUNCTIONS[node.name]
        self.argument_count(node, signature)
        if node.name == "info" and len(node.args) > 1:
            self.info_argument(node.args[1])
        args: list[Node] = []
        for index, arg in enumerate(node.args):
            if node.name == "info" and index == 1:
                args.append(arg)
                continue
            want = signature.args[min(index, len(signature.args) - 1)]
            args.append(self.expect(arg, want, f"call to function {go_quote(node.name)}"))
        return replace(node, args=tuple(args))

    def argument_count(self, node: Call, signature: Signature) -> None:
        wanted, got = len(signature.args), len(node.args)
        name = go_quote(node.name)
        if signature.variadic == 0:
            if wanted != got:
                message = f"expected {wanted} argument(s) in call to {name}, got {got}"
                raise self.fail(message, node.position)
            return
        least = wanted - 1
        if got < least:
            message = f"expected at least {least} argument(s) in call to {name}, got {got}"
            raise self.fail(message, node.position)
        most = least + signature.variadic
        if signature.variadic > 0 and got > most:
            message = f"expected at most {most} argument(s) in call to {name}, got {got}"
            raise self.fail(message, node.position)

    def info_argument(self, arg: Node) -> None:
        if not isinstance(arg, VectorSelector):
            raise self.fail("expected label selectors only", arg.position)
        if arg.name:
            message = "expected label selectors only, got vector selector instead"
            raise self.fail(message, arg.position)
        self.selector(arg, may_match_all=True)

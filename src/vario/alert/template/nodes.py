"""The syntax tree of a template. `str(node)` is its source in normal form, for messages."""

from dataclasses import dataclass, field

from vario.alert.template.values import Value


@dataclass(slots=True)
class Node:
    """A node and the character offset in the text where it stands."""

    position: int


@dataclass(slots=True)
class Dot(Node):
    """The cursor, `.`."""

    def __str__(self) -> str:
        return "."


@dataclass(slots=True)
class Nil(Node):
    """The untyped `nil`."""

    def __str__(self) -> str:
        return "nil"


@dataclass(slots=True)
class Literal(Node):
    """A boolean, a number or a string, and the text that it was written with."""

    value: Value
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(slots=True)
class Identifier(Node):
    """The name of a function."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(slots=True)
class Variable(Node):
    """`$x`, perhaps with fields: `$x.a.b` has the names `$x`, `a`, `b`."""

    names: tuple[str, ...]

    def __str__(self) -> str:
        return ".".join(self.names)


@dataclass(slots=True)
class FieldPath(Node):
    """`.a.b`."""

    names: tuple[str, ...]

    def __str__(self) -> str:
        return "".join(f".{name}" for name in self.names)


@dataclass(slots=True)
class Chain(Node):
    """Fields of what is no variable or field: `(pipeline).a.b`."""

    base: "Operand"
    names: tuple[str, ...]

    def __str__(self) -> str:
        base = f"({self.base})" if isinstance(self.base, Pipe) else str(self.base)
        return base + "".join(f".{name}" for name in self.names)


@dataclass(slots=True)
class Command(Node):
    """Operands between two pipe signs."""

    operands: list["Operand"] = field(default_factory=list)

    def __str__(self) -> str:
        return " ".join(f"({o})" if isinstance(o, Pipe) else str(o) for o in self.operands)


@dataclass(slots=True)
class Pipe(Node):
    """Commands, each given the value of the one before, and variables that take the last one."""

    variables: list[str] = field(default_factory=list)
    assigns: bool = False
    commands: list[Command] = field(default_factory=list)

    def __str__(self) -> str:
        names = ", ".join(self.variables)
        head = f"{names} {'=' if self.assigns else ':='} " if self.variables else ""
        return head + " | ".join(str(command) for command in self.commands)


Operand = Dot | Nil | Literal | Identifier | Variable | FieldPath | Chain | Pipe


@dataclass(slots=True)
class Text(Node):
    """Text outside of actions."""

    text: str


@dataclass(slots=True)
class Action(Node):
    """`{{pipeline}}`."""

    pipe: Pipe

    def __str__(self) -> str:
        return f"{{{{{self.pipe}}}}}"


@dataclass(slots=True)
class Control(Node):
    """`if`, `with` or `range`, with what to do otherwise."""

    keyword: str
    pipe: Pipe
    body: list["Statement"]
    otherwise: list["Statement"] | None

    def __str__(self) -> str:
        body = "".join(map(str, self.body))
        tail = "" if self.otherwise is None else "{{else}}" + "".join(map(str, self.otherwise))
        return f"{{{{{self.keyword} {self.pipe}}}}}{body}{tail}{{{{end}}}}"


@dataclass(slots=True)
class Jump(Node):
    """`break` or `continue`."""

    keyword: str

    def __str__(self) -> str:
        return f"{{{{{self.keyword}}}}}"


@dataclass(slots=True)
class Call(Node):
    """`{{template "name" pipeline}}`."""

    name: str
    quoted: str
    pipe: Pipe | None

    def __str__(self) -> str:
        pipe = "" if self.pipe is None else f" {self.pipe}"
        return f"{{{{template {self.quoted}{pipe}}}}}"


Statement = Text | Action | Control | Jump | Call


def is_empty(statements: list[Statement]) -> bool:
    """Whether statements are nothing but spaces."""
    return all(isinstance(s, Text) and not s.text.strip() for s in statements)

"""Rewrites a few messages inside a protobuf body and leaves every other byte as it is.

A body of 8,000 records with something in 80 of them is walked by its tags and lengths; what is
decoded is the one attribute of each of the 80, the rest is copied in slices.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from vario.wire.protobuf import encode_varint

Rewrite = Callable[[bytes], bytes | None]
"""Takes a message; returns what it becomes (no bytes: it goes away), None if nothing changes."""


@dataclass(frozen=True, slots=True)
class Node:
    """A message on the way to those that are rewritten.

    Attributes:
        children: messages inside, by the number of their field.
        leaf: what rewrites this message, empty for one that only holds others.
        always: whether it is gone into even where nothing was hinted at.
        opens: field that says of whom the rest of the message is (a resource).
    """

    children: Mapping[int, "Node"] = field(default_factory=dict[int, "Node"])
    leaf: str = ""
    always: bool = False
    opens: int = 0


@dataclass(slots=True)
class Splice:
    """One body being rewritten.

    Attributes:
        body: protobuf that is known to parse.
        hints: places to look at, sorted.
        rewrites: what each kind of leaf becomes.
        opened: called with each resource that follows.
    """

    body: bytes
    hints: Sequence[int]
    rewrites: Mapping[str, Rewrite]
    opened: Callable[[bytes], None]

    def run(self, root: Node) -> bytes | None:
        """Returns the body rewritten, None if nothing changed."""
        return self._message(root, 0, len(self.body))

    def _message(self, node: Node, start: int, end: int) -> bytes | None:
        body, hints, parts = self.body, self.hints, list[bytes]()
        every = any(child.always for child in node.children.values())
        next_hint, hint_count = bisect_left(hints, start), len(hints)
        at = copied = start
        while at < end and (every or next_hint < hint_count):
            tag_at = at
            tag, at = _varint(body, at)
            if tag & 7 != 2:
                at = _skip(body, at, tag & 7)
                continue
            size, begin = _varint(body, at)
            at = begin + size
            while next_hint < hint_count and hints[next_hint] < begin:
                next_hint += 1
            if tag >> 3 == node.opens:
                self.opened(body[begin:at])
            elif not every and (next_hint == hint_count or hints[next_hint] >= at):
                continue
            new = self._child(node.children.get(tag >> 3), begin, at)
            if new is not None:
                parts.append(body[copied:tag_at])
                if new:
                    parts += [encode_varint(tag), encode_varint(len(new)), new]
                copied = at
        return b"".join([*parts, body[copied:end]]) if parts else None

    def _child(self, child: Node | None, begin: int, end: int) -> bytes | None:
        if child is None or not (child.always or self._hinted(begin, end)):
            return None
        if child.leaf:
            return self.rewrites[child.leaf](self.body[begin:end])
        return self._message(child, begin, end)

    def _hinted(self, start: int, end: int) -> bool:
        first = bisect_left(self.hints, start)
        return first < len(self.hints) and self.hints[first] < end


def _skip(body: bytes, at: int, kind: int) -> int:
    """Returns where a field that is no message ends: a varint, or one of 8 or 4 bytes."""
    return _varint(body, at)[1] if kind == 0 else at + (8 if kind == 1 else 4)


def _varint(body: bytes, at: int) -> tuple[int, int]:
    byte = body[at]
    if byte < 0x80:
        return byte, at + 1
    value, shift = byte & 0x7F, 7
    while True:
        at += 1
        byte = body[at]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at + 1
        shift += 7

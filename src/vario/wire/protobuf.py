"""Message classes out of `.proto` text, without a compiler.

The same text goes to the engine as `format_schema`, so that both decoders read one description.
What is understood: proto3 with flat messages, `repeated`, `oneof`, scalar and message types.
"""

import re
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from vario.errors import BadData

_PACKAGE = re.compile(r"^package ([\w.]+);", re.MULTILINE)
_MESSAGE = re.compile(r"^message (\w+) \{(.*?)^\}", re.MULTILINE | re.DOTALL)
_ITEM = re.compile(r"oneof (\w+) \{|(\})|(repeated )?(\w+) (\w+) = (\d+);")
_COMMENT = re.compile(r"//[^\n]*")

_FIELD = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    name: int(getattr(_FIELD, f"TYPE_{name.upper()}"))
    for name in (
        "double", "float", "int64", "uint64", "int32", "fixed64", "fixed32", "bool", "string",
        "bytes", "uint32", "sfixed32", "sfixed64", "sint32", "sint64",
    )
}  # fmt: skip


def load_messages(text: str) -> dict[str, type[Any]]:
    """Returns the message classes that a `.proto` text describes, by name.

    Each call makes classes of its own, so two texts may use the same package.
    """
    found = _PACKAGE.search(text)
    package = found[1] if found else ""
    file = descriptor_pb2.FileDescriptorProto(name="text.proto", package=package, syntax="proto3")
    prefix = f".{package}." if package else "."
    for name, body in _MESSAGE.findall(_COMMENT.sub("", text)):
        _describe(file.message_type.add(name=name), body, prefix)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        message.name: message_factory.GetMessageClass(
            pool.FindMessageTypeByName(f"{prefix}{message.name}".lstrip("."))
        )
        for message in file.message_type
    }


def _describe(message: descriptor_pb2.DescriptorProto, body: str, prefix: str) -> None:
    inside = False
    for oneof, end, repeated, kind, name, number in _ITEM.findall(body):
        if oneof:
            message.oneof_decl.add(name=oneof)
            inside = True
        elif end:
            inside = False
        else:
            field = message.field.add(
                name=name,
                number=int(number),
                label=_FIELD.LABEL_REPEATED if repeated else _FIELD.LABEL_OPTIONAL,
            )
            if kind in _SCALARS:
                field.type = _SCALARS[kind]  # pyright: ignore[reportAttributeAccessIssue]
            else:
                field.type = _FIELD.TYPE_MESSAGE
                field.type_name = f"{prefix}{kind}"
            if inside:
                field.oneof_index = len(message.oneof_decl) - 1


def encode_varint(number: int) -> bytes:
    """Returns a number of 0 or more as a varint."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def split_delimited(body: bytes) -> list[memoryview]:
    """Returns the messages of a body in which each comes after its length as a varint.

    Raises:
        BadData: the body ends in the middle of a message.
    """
    messages: list[memoryview] = []
    view, at = memoryview(body), 0
    while at < len(body):
        length, shift = 0, 0
        while True:
            if at >= len(body) or shift > 63:
                raise BadData(f"the length of message {len(messages) + 1} is not a varint")
            byte = body[at]
            at += 1
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        if at + length > len(body):
            raise BadData(f"the body ends in the middle of message {len(messages) + 1}")
        messages.append(view[at : at + length])
        at += length
    return messages

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vario.errors import BadData
from vario.wire.protobuf import encode_varint, load_messages, split_delimited

TEXT = """syntax = "proto3";
package a.b;

// A comment with { braces } and a field = 9;
message Inner {
  repeated sint32 numbers = 1;
}

message Outer {
  oneof kind {
    uint64 whole = 1;
    double broken = 2;
  }
  repeated Inner inner = 3;
  bytes raw = 4;
}
"""


def test_messages_out_of_text():
    outer = load_messages(TEXT)["Outer"]
    message = outer(whole=7, inner=[{"numbers": [-1, 2]}], raw=b"\xff")
    assert message.WhichOneof("kind") == "whole"
    message.broken = 0.5
    assert message.WhichOneof("kind") == "broken"
    again = outer.FromString(message.SerializeToString())
    assert (list(again.inner[0].numbers), again.raw, again.broken) == ([-1, 2], b"\xff", 0.5)
    assert outer.DESCRIPTOR.full_name == "a.b.Outer"
    assert load_messages(TEXT)["Outer"] is not outer


@given(st.lists(st.binary(max_size=300)))
def test_delimited_messages_come_back(messages: list[bytes]):
    body = b"".join(encode_varint(len(message)) + message for message in messages)
    assert [bytes(message) for message in split_delimited(body)] == messages
    if body:
        with pytest.raises(BadData):
            split_delimited(body + b"\x05")

"""The engine's faults in vario's words: one table from ClickHouse's error codes to our errors."""

import re

from vario.errors import (
    BadData,
    ExecutionError,
    InternalError,
    Overloaded,
    QueryCanceled,
    QueryTimeout,
    Unavailable,
    VarioError,
)

_MESSAGES: dict[int, tuple[type[VarioError], str]] = {
    # What a body or a filter may do.
    26: (BadData, "a value cannot be read: {detail}"),
    27: (BadData, "the input cannot be parsed: {detail}"),
    32: (BadData, "the protobuf body ends in the middle of a message"),
    33: (BadData, "the protobuf body ends in the middle of a value"),
    117: (BadData, "the input has the wrong data in it: {detail}"),
    395: (BadData, "the request holds what cannot be stored: {detail}"),
    427: (BadData, "a regular expression cannot be compiled: {detail}"),
    436: (BadData, "a number in the protobuf body does not fit its field"),
    444: (BadData, "the body is not valid protobuf of this signal"),
    # Limits.
    158: (ExecutionError, "the query reads too many rows; narrow its time range or its filter"),
    159: (QueryTimeout, "the query ran past its time limit; narrow its time range or its filter"),
    160: (QueryTimeout, "the query would run past its time limit; narrow its time range"),
    241: (
        ExecutionError,
        "the query needs more memory than it may use; narrow its time range or its filter, "
        "or raise store.max_memory_mb",
    ),
    307: (ExecutionError, "the query reads too many bytes; narrow its time range or its filter"),
    396: (ExecutionError, "the result is too large; narrow the time range or ask for fewer rows"),
    394: (QueryCanceled, "the query was canceled"),
    202: (Overloaded, "the store runs as many queries as it may; try again in a second"),
    # The store itself.
    74: (Unavailable, "the store cannot read its files: {detail}"),
    75: (Unavailable, "the store cannot write its files: {detail}"),
    76: (Unavailable, "the store cannot open its files: {detail}"),
    209: (Unavailable, "the store does not answer in time"),
    210: (Unavailable, "the store cannot be reached: {detail}"),
    243: (Unavailable, "no space left for the store; free some, or shorten retention"),
    1001: (Unavailable, "the store cannot use its files: {detail}"),
    # Doors of a remote server.
    192: (BadData, "the ClickHouse server does not know this user"),
    193: (BadData, "the ClickHouse server refuses the password"),
    194: (BadData, "the ClickHouse server asks for a password; put it into store.dsn"),
    497: (BadData, "the ClickHouse user may not do this: {detail}"),
    516: (BadData, "the ClickHouse server refuses the user name or the password in store.dsn"),
}

_DAMAGED = "a part of the store is damaged and is being set aside: ask again; the log names it"
_DAMAGE_CODES = (
    32,  # ATTEMPT_TO_READ_AFTER_EOF
    33,  # CANNOT_READ_ALL_DATA
    40,  # CHECKSUM_DOESNT_MATCH
    107,  # FILE_DOESNT_EXIST
    228,  # SIZES_OF_MARKS_FILES_ARE_INCONSISTENT
    246,  # CORRUPTED_DATA
    271,  # CANNOT_DECOMPRESS
    432,  # UNKNOWN_CODEC
)
"""What reading a damaged part ends with, seen or named so in the engine's source."""
_READ_MESSAGES: dict[int, tuple[type[VarioError], str]] = dict.fromkeys(
    _DAMAGE_CODES, (Unavailable, _DAMAGED)
)

_WRITE_MESSAGES: dict[int, tuple[type[VarioError], str]] = {
    241: (
        Overloaded,
        "the store has no memory for this write now; send smaller bodies or raise "
        "store.max_memory_mb",
    ),
    252: (Overloaded, "the store is behind with merging what came in; try again in a second"),
}
_TOO_MANY_DAYS = "Too many partitions for single INSERT block"

_ENGINE_PLACE = ": while executing "
"""From here on a message tells of the engine's inside: nothing that a sender could mend."""
_CODE = re.compile(r"\bCode: (\d+)")
_DETAIL = re.compile(r"^.*?DB::Exception: ", re.DOTALL)


def translate(error: Exception, where: str, *, writing: bool = False) -> VarioError:
    """Returns the error of ours that stands for an exception of the driver.

    Args:
        error: what clickhouse-connect or chDB raised.
        where: the address of the store, for the message.
        writing: whether it was a write that failed.
    """
    text = str(error)
    code = _code_of(error)
    detail = _DETAIL.sub("", text, count=1).strip() or type(error).__name__
    if _TOO_MANY_DAYS in detail:
        return BadData(f"the times in one request spread over too many days ({where})")
    table = {**_MESSAGES, **(_WRITE_MESSAGES if writing else _READ_MESSAGES)}
    if code in table:
        kind, message = table[code]
        said = detail.partition(_ENGINE_PLACE)[0]
        return kind(f"{message.format(detail=said)} ({where})")
    if code is None and type(error).__name__ == "OperationalError":
        return Unavailable(f"the store at {where} cannot be reached: {detail}")
    return InternalError(f"the store at {where} failed: {detail}")


def is_damage(error: Exception, *, writing: bool) -> bool:
    """Says whether an exception of the driver speaks of a part that cannot be read."""
    return not writing and _code_of(error) in _DAMAGE_CODES


def _code_of(error: Exception) -> int | None:
    code = getattr(error, "code", None)
    if code is not None:
        return int(code)
    found = _CODE.search(str(error))
    return int(found.group(1)) if found else None

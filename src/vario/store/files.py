"""Reads columns of data files with the engine: Parquet, CSV, Arrow, JSON lines."""

import re
from pathlib import Path
from typing import Any

from vario.errors import BadData, VarioError
from vario.store.address import parse_dsn
from vario.store.engine import Engine

FORMATS = {
    ".parquet": "Parquet",
    ".pq": "Parquet",
    ".csv": "CSVWithNames",
    ".tsv": "TSVWithNames",
    ".arrow": "Arrow",
    ".feather": "Arrow",
    ".jsonl": "JSONEachRow",
    ".ndjson": "JSONEachRow",
}


def read_columns(path: Path) -> dict[str, Any]:
    """Returns a data file's columns by name: arrays of numbers, lists of anything else.

    Not in a process that has a store open: there is one embedded engine a process.

    Args:
        path: the file; its ending says what it holds (`FORMATS`).

    Raises:
        BadData: there is no such file, its ending is unknown, or it cannot be read as that.
    """
    form = FORMATS.get(path.suffix.lower())
    if form is None:
        raise BadData(
            f"{path}: what ends in {path.suffix!r} cannot be read; {', '.join(FORMATS)} can"
        )
    if not path.is_file():
        raise BadData(f"{path}: there is no such file")
    engine = Engine(parse_dsn("chdb://memory"), reader_threads=1)
    try:
        return dict(
            engine.query_columns(
                "SELECT * FROM file({path:String}, {form:String})",
                {"path": str(path.resolve()), "form": form},
                # Without, a column with 1.2e-05 in it is one of texts.
                settings={"input_format_try_infer_exponent_floats": 1},
            )
        )
    except VarioError as error:
        raise BadData(_told(path, form, str(error))) from error
    finally:
        engine.close()


def _told(path: Path, form: str, error: str) -> str:
    """Returns what is wrong with a file, without the engine's words around it."""
    if "EMPTY_DATA_PASSED" in error or "the file is empty" in error:
        return f"{path} has no rows: its first line names the columns, the others are rows"
    reasons = re.findall(r"DB::Exception: (.+?)(?:\. )?\(", error) or [error]
    return f"{path} cannot be read as {form.removesuffix('WithNames')}: {reasons[-1].strip()}"

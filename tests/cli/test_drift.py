"""`vario reference create` and `vario drift check` on files, without a server."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from vario.cli.root import root


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(root, [str(argument) for argument in arguments])


def write_csv(path: Path, seed: int, **changed: Sequence[Any]) -> Path:
    rng = np.random.default_rng(seed)
    columns = {
        "age": rng.normal(40, 10, 3_000).round(3).tolist(),
        "country": rng.choice(["de", "fr"], 3_000).tolist(),
        "region": rng.choice(["us-east", "eu-west"], 3_000).tolist(),
        "score": rng.random(3_000).tolist(),
        **changed,
    }
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return path


@pytest.fixture
def reference(tmp_path: Path, embedded_engine: object) -> Path:
    out = tmp_path / "v23.json"
    train = write_csv(tmp_path / "train.csv", 1)
    options = ("--model", "recommender", "--name", "v23", "--columns", "age,country")
    made = invoke("reference", "create", train, *options, "--prediction", "score", "--out", out)
    assert (made.output, made.exit_code) == (f"wrote {out}: 3 features, 3000 rows\n", 0)
    return out


def test_a_good_candidate_passes(reference: Path, tmp_path: Path) -> None:
    data = write_csv(tmp_path / "candidate.csv", 2)
    options = ("--reference", reference, "--candidate", data, "--prediction", "score")
    found = invoke("drift", "check", *options, "--by", "region")
    assert found.exit_code == 0, found.output
    lines = found.output.splitlines()
    head = ["FEATURE", "REGION", "PSI", "CHANCE", "PRESENT", "OUTSIDE", "ROWS"]
    assert lines[0].split() == head
    assert [line.split()[:3] for line in lines[1:4]] == [
        [name, "all", "ok"] for name in ("age", "country", "prediction")
    ]
    assert lines[-1] == "3 features against reference 'v23': all pass"


def test_a_bad_candidate_fails_with_reasons_and_a_page(reference: Path, tmp_path: Path) -> None:
    gone = [None if i % 3 == 0 else "de" for i in range(3_000)]
    data = write_csv(tmp_path / "candidate.csv", 3, country=gone)
    page = tmp_path / "report.html"
    options = ("--reference", reference, "--candidate", data, "--html", page)
    found = invoke("drift", "check", *options, "--prediction", "score")
    assert found.exit_code == 1
    assert "country: present in 66.67% of 3000 rows" in found.output
    assert "3 features against reference 'v23': 1 failed" in found.output
    text = page.read_text("utf-8")
    assert text.index("country") < text.index("age")
    assert text.count("<svg") == 3
    assert "http" not in text
    as_json = json.loads(
        invoke("drift", "check", *options, "--prediction", "score", "--json").output
    )
    assert [(one["feature"], one["passed"]) for one in as_json] == [
        ("age", True),
        ("country", False),
        ("prediction", True),
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("create", "x.csv", "--model", "m"), "a reference needs a name"),
        (("create", "--model", "m", "--name", "n"), "name a FILE of rows, or give --from-live"),
        (("create", "x.txt", "--model", "m", "--name", "n"), "what ends in '.txt' cannot be read"),
        (
            ("create", "x.csv", "--model", "m", "--name", "n", "--label", "clicked"),
            "--label tells what came of predictions: name their column with --prediction",
        ),
        (("create", "x.csv", "--model", "m", "--name", "n"), "x.csv: there is no such file"),
        (
            ("create", "--model", "m", "--name", "n", "--from-live", "soon"),
            "'soon' is no duration; write 30m, 24h or 7d",
        ),
    ],
)
def test_a_mistake_is_told(arguments: tuple[str, ...], message: str) -> None:
    found = invoke("reference", *arguments)
    assert (found.exit_code, message in found.output) == (2, True), found.output


def test_unknown_columns_are_told(tmp_path: Path, embedded_engine: object) -> None:
    data = write_csv(tmp_path / "train.csv", 1)
    given = ("reference", "create", data, "--model", "m", "--name", "n")
    found = invoke(*given, "--columns", "age,shoe_size")
    assert "has no column 'shoe_size'; it has age, country, region, score" in found.output
    broken = tmp_path / "bad.json"
    broken.write_text("{}")
    found = invoke("drift", "check", "--reference", broken, "--candidate", data)
    assert (found.exit_code, "is no reference" in found.output) == (2, True)


def test_dates_and_ids_are_no_features_unless_asked_for(
    tmp_path: Path, embedded_engine: object
) -> None:
    data = tmp_path / "train.csv"
    rows = [f"{20 + i % 50},2026-01-{1 + i % 28:02},user-{i}," for i in range(500)]
    data.write_text("\n".join(["age,day,user,nothing", *rows]) + "\n")
    out = tmp_path / "made.json"
    given = ("reference", "create", data, "--model", "m", "--name", "n", "--out", out)
    found = invoke(*given)
    assert found.exit_code == 0, found.output
    for told in (
        "left out: day (dates); name features with --columns",
        "left out: user (nearly every row has a value of its own)",
        "left out: nothing (no value in any row)",
    ):
        assert told in found.output
    assert sorted(json.loads(out.read_text("utf-8"))["features"]) == ["age"]
    found = invoke(*given, "--columns", "age,user")
    assert found.exit_code == 0, found.output
    assert sorted(json.loads(out.read_text("utf-8"))["features"]) == ["age", "user"]


def test_what_a_newcomer_may_forget_is_told(
    reference: Path, tmp_path: Path, embedded_engine: object
) -> None:
    data = write_csv(tmp_path / "candidate.csv", 3)
    found = invoke("drift", "check", "--reference", reference, "--candidate", data)
    assert found.exit_code == 0, found.output
    assert "prediction is not checked: name the candidate's column of it" in found.output
    assert "2 features against reference 'v23': all pass" in found.output

    for name, text, message in (
        ("empty.csv", "", "has no rows"),
        ("head.csv", "age,country\n", "has no rows"),
        ("ragged.csv", "age,country\n1,de\n2\n", "cannot be read as CSV: Rows have different"),
        ("broken.parquet", "no rows " * 9, "cannot be read as Parquet: Not a Parquet file"),
    ):
        (tmp_path / name).write_text(text)
        found = invoke("drift", "check", "--reference", reference, "--candidate", tmp_path / name)
        assert (found.exit_code, message in found.output) == (2, True), found.output
        assert "chdb" not in found.output

    (tmp_path / "rows.parquet").write_bytes(b"PAR1\x80\xff")
    for given, message in (
        ((tmp_path / "rows.parquet", data), "is no reference but rows: make one of it with"),
        ((tmp_path / "nowhere.json", data), "nowhere.json: there is no such file"),
        ((reference, data, "--min-presence", "99"), "99.0 is not in the range 0<=x<=1"),
        ((reference, data, "--max-psi", "-1"), "-1.0 is not in the range x>=0"),
    ):
        found = invoke("drift", "check", "--reference", given[0], "--candidate", *given[1:])
        assert (found.exit_code, message in found.output) == (2, True), found.output

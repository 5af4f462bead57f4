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
    assert (made.output, made.exit_code) == (f"wrote {out}: 3 features\n", 0)
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

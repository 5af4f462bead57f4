from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

from vario.config import IngestSettings, Settings, StoreSettings, load_settings
from vario.errors import BadData

DOCS = Path(__file__).parents[1] / "docs" / "settings.md"


def _write(folder: Path, text: str) -> Path:
    path = folder / "vario.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_without_a_file_the_defaults_hold() -> None:
    assert load_settings() == Settings()


def test_a_file_changes_only_what_it_names(tmp_path: Path) -> None:
    path = _write(tmp_path, "[ingest]\notlp_http_port = 5318\n[store]\nquery_timeout_s = 5\n")
    assert load_settings(path) == Settings(
        ingest=IngestSettings(otlp_http_port=5318), store=StoreSettings(query_timeout_s=5.0)
    )


def test_a_list_of_texts_is_read(tmp_path: Path) -> None:
    path = _write(tmp_path, '[alert]\nrule_files = ["rules/*.yml", "more.yml"]\n')
    assert load_settings(path).alert.rule_files == ("rules/*.yml", "more.yml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[stor]\n", "unknown setting 'stor'; known here: "),
        ("[store.retention]\ntrace_days = 7\n", "unknown setting 'store.retention.trace_days'"),
        ('[ingest]\notlp_http_port = "5318"\n', "ingest.otlp_http_port wants int such as 4318"),
        ("[ingest]\notlp_http_port = true\n", "ingest.otlp_http_port wants int such as 4318"),
        ('[alert]\nrule_files = "a.yml"\n', "alert.rule_files wants a list of texts, not 'a.yml'"),
        ("[alert]\nrule_files = [1]\n", "alert.rule_files wants a list of texts, not [1]"),
        ("store = 1\n", "[store] is a table of settings, not 1"),
        ("[store\n", "is not valid TOML"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    path = _write(tmp_path, text)
    with pytest.raises(BadData) as caught:
        load_settings(path)
    assert str(caught.value).startswith(str(path))
    assert message in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadData, match=r"cannot read settings from .*absent\.toml: No such file"):
        load_settings(tmp_path / "absent.toml")


def _keys(settings: object, prefix: str = "") -> list[str]:
    found: list[str] = []
    for entry in fields(settings):  # type: ignore[arg-type]
        value = getattr(settings, entry.name)
        name = f"{prefix}{entry.name}"
        found += _keys(value, f"{name}.") if is_dataclass(value) else [name]
    return found


def test_every_setting_is_documented_and_none_that_is_not_there() -> None:
    documented = {
        line.split("`")[1]
        for line in DOCS.read_text(encoding="utf-8").splitlines()
        if line.startswith("| `")
    }
    assert documented == set(_keys(Settings()))

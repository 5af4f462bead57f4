"""`vario drift`: what drifts, and the gate before a deploy."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from vario.cli.client import ask, json_option, server_option
from vario.cli.output import format_time, print_table, save
from vario.cli.reference import OUTPUT
from vario.errors import BadData

if TYPE_CHECKING:
    from vario.drift.gate import Checked
    from vario.drift.page import HeatMap, Panel
    from vario.drift.reference import Reference

_COLOURS = {
    "missing": "red",
    "new_category": "yellow",
    "drifted": "yellow",
    "too_few": "bright_black",
}


@click.group()
def drift() -> None:
    """Look at drift, and check data before a deploy."""


@drift.command()
@click.option("--model", default="", help="Of this model alone.")
@click.option("--all", "everything", is_flag=True, help="Every version and segment, calm or not.")
@click.option("--html", type=click.Path(path_type=Path), help="Write a page with pictures.")
@server_option
@json_option
def report(*, model: str, everything: bool, html: Path | None, server: str, as_json: bool) -> None:
    """Print what drifts in live traffic."""
    found = ask(server, "/api/drift", {"model": model or None})
    if as_json:
        click.echo(json.dumps(found))
        return
    if html:
        save(html, _page_of_live(found, server))
        click.echo(f"wrote {html}")
        return
    _print_findings(found, model)
    if model and not found["readings"] and not found["outcomes"]:
        _print_models(model, server)
    shown = [r for r in found["readings"] if everything or _is_of_interest(r)]
    if shown:
        click.echo()
        print_table(
            [
                "MODEL",
                "VERSION",
                "SEGMENT",
                "FEATURE",
                "VERDICT",
                "PSI",
                "CHANCE",
                "MISSING",
                "OUTSIDE",
                "ROWS",
            ],
            [_row(reading) for reading in shown],
        )
    rates = [o for o in found["outcomes"] if everything or _is_told(o)]
    if rates:
        click.echo()
        print_table(OUTCOMES, [_outcome_row(outcome) for outcome in rates])


OUTCOMES = [
    "MODEL", "VERSION", "SEGMENT", "ACCEPTED", "BEFORE", "BY SCORES", "CALIBRATION ERROR",
    "FEEDBACK",
]  # fmt: skip


def _is_told(outcome: Any) -> bool:
    is_whole = not outcome["segment"] and outcome["accept_rate"] is not None
    return is_whole or outcome["verdict"] == "fallen"


def _outcome_row(o: Any) -> list[str]:
    def percent(ratio: float | None) -> str:
        return "-" if ratio is None else f"{ratio:.1%}"

    source = {"reference": "reference", "other versions": "others", "before": "before"}
    compared = f" ({source[o['baseline']]})" if o["baseline"] else ""
    rate = f"{percent(o['accept_rate'])} [{percent(o['accept_rate_low'])}"
    return [
        o["model_name"],
        "all" if o["model_version"] == "*" else o["model_version"] or "-",
        f"{o['segment']}={o['value']}" if o["segment"] else "all",
        f"{rate}, {percent(o['accept_rate_high'])}]",
        f"{percent(o['baseline_rate'])}{compared}",
        percent(o["expected_rate"]),
        "-" if o["calibration_error"] is None else f"{o['calibration_error']:.3f}",
        f"{o['feedback']:.0f}",
    ]


def _print_findings(found: Any, model: str) -> None:
    for finding in found["findings"]:
        click.secho(f"{finding['model_name']}: {finding['text']}", fg="red")
    if found["error"]:
        click.secho(f"the last look failed: {found['error']}", fg="red")
    for name in found["without_reference"]:
        click.echo(
            f"model {name!r} has no reference: make one with 'vario reference create --model {name}"
            " --name NAME training.parquet', or of live traffic with --from-live 24h"
        )
    if found["time"] is None:
        click.echo("drift has not been judged yet: look again in a minute")
    elif not found["findings"] and found["readings"]:
        click.secho("nothing drifts", fg="green")
    elif not (model or found["readings"] or found["without_reference"] or found["outcomes"]):
        click.echo("no predictions are recorded: see vario.record_prediction in the documentation")


def _print_models(model: str, server: str) -> None:
    """Says which models there are, where the one that was asked for has nothing to show."""
    found = ask(server, "/api/drift")
    seen = {one["model_name"] for kind in ("readings", "outcomes") for one in found[kind]}
    known = sorted(seen | set(found["without_reference"]))
    if model not in known:
        click.echo(f"no model {model!r} was seen lately; there is: {', '.join(known) or 'none'}")


def _is_of_interest(reading: Any) -> bool:
    is_whole = reading["model_version"] == "*" and not reading["segment"]
    return is_whole or reading["verdict"] not in ("stable", "too_few")


def _row(r: Any) -> list[str]:
    def number(value: float | None) -> str:
        return "-" if value is None else f"{value:.3f}"

    def percent(ratio: float | None) -> str:
        return "-" if ratio is None else f"{ratio:.1%}"

    return [
        r["model_name"],
        "all" if r["model_version"] == "*" else r["model_version"] or "-",
        f"{r['segment']}={r['value']}" if r["segment"] else "all",
        r["feature"],
        click.style(r["verdict"], fg=_COLOURS.get(r["verdict"])),
        number(r["psi"]),
        number(r["psi_critical"]),
        percent(r["missing_ratio"]),
        percent(r["out_of_range_ratio"]),
        f"{r['rows']:.0f}",
    ]


def _page_of_live(found: Any, server: str) -> str:
    from vario.drift.page import Panel, render

    panels: list[Panel] = []
    interesting = [r for r in found["readings"] if _is_of_interest(r)]
    for r in interesting:
        names = ("segment", "value", "feature")
        wanted = {"model": r["model_name"], "version": r["model_version"]}
        shares = ask(server, "/api/drift/distribution", wanted | {name: r[name] for name in names})
        panels.append(
            Panel(
                f"{r['feature']} ({_place(r)})",
                (_line(r),),
                r["verdict"] not in ("stable", "too_few"),
                tuple(shares["bins"]),
                tuple(shares["reference"]),
                tuple(shares["current"]),
            )
        )
    summary = [finding["text"] for finding in found["findings"]] or ["nothing drifts"]
    parts = {_place(r): r for r in interesting}
    maps = [_heat_map(place, r, server) for place, r in sorted(parts.items())]
    rates = [_outcome_row(outcome) for outcome in found["outcomes"] if _is_told(outcome)]
    return render("Drift of live traffic", summary, panels, maps, [OUTCOMES, *rates])


def _place(r: Any) -> str:
    where = [r["model_name"]]
    where += [] if r["model_version"] == "*" else [r["model_version"]]
    where += [f"{r['segment']}={r['value']}"] if r["segment"] else []
    return ", ".join(where)


def _heat_map(place: str, r: Any, server: str) -> "HeatMap":
    """Returns the last three hours of the part of the traffic that a reading is of."""
    from vario.drift.page import HeatMap, Row

    wanted = {"model": r["model_name"], "version": r["model_version"], "start": "now-3h"}
    wanted |= {"segment": r["segment"], "value": r["value"]}
    found = ask(server, "/api/drift/history", wanted)
    rows = [
        Row(
            feature["feature"],
            tuple(
                None if psi is None or not chance else psi / chance
                for psi, chance in zip(feature["psi"], feature["psi_critical"], strict=True)
            ),
            tuple(feature["missing_ratio"]),
        )
        for feature in found["features"]
    ]
    times = tuple(format_time(round(at * 1e9))[:16] for at in found["times"])
    return HeatMap(place, times, tuple(rows))


def _line(r: Any) -> str:
    psi = "no values" if r["psi"] is None else f"PSI {r['psi']:.3f}"
    if r["psi_critical"] is not None:
        psi += f" [{r['psi_low']:.3f}, {r['psi_high']:.3f}] (chance alone: {r['psi_critical']:.3f})"
    missing = r["missing_ratio"] or 0.0
    outside = r["out_of_range_ratio"]
    beyond = f", about {outside:.2%} out of the reference's range" if outside else ""
    new = ""
    if r["new_ratio"]:
        new = f", {r['new_ratio']:.2%} in about {r['new_distinct'] or 0:.0f} unknown categories"
    return f"{r['verdict']}: {psi}, missing {missing:.2%}{beyond}{new}, {r['rows']:.0f} rows"


@drift.command()
@click.option("--reference", "given", required=True, help="A reference file, or the name of one.")
@click.option(
    "--candidate", required=True, type=click.Path(path_type=Path), help="Parquet, CSV, Arrow, ..."
)
@click.option("--model", default="", help="The model, where --reference is a name.")
@click.option(
    "--max-psi",
    default=0.2,
    show_default=True,
    type=click.FloatRange(0),
    help="Greatest PSI that passes.",
)
@click.option(
    "--min-presence",
    default=0.99,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="Least share with a value.",
)
@click.option(
    "--max-out-of-range",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="Greatest share of values beyond the reference's lowest and highest.",
)
@click.option("--by", default="", help="A column whose values are checked one by one: region.")
@click.option("--prediction", help="The candidate's column with the model's output.")
@click.option("--html", type=click.Path(path_type=Path), help="Write a page with pictures.")
@server_option
@json_option
def check(
    *,
    given: str,
    candidate: Path,
    model: str,
    max_psi: float,
    min_presence: float,
    max_out_of_range: float,
    by: str,
    prediction: str | None,
    html: Path | None,
    server: str,
    as_json: bool,
) -> None:
    """Check a candidate's data against a reference; exit with 1 where something fails."""
    from vario.drift.gate import check as check_data
    from vario.store.files import read_columns

    reference = _load(given, model, server)
    columns = read_columns(candidate)
    if prediction and prediction not in columns:
        raise BadData(f"{candidate} has no column {prediction!r}; it has {', '.join(columns)}")
    if prediction:
        columns[OUTPUT] = columns.pop(prediction)
    if OUTPUT in reference.features and OUTPUT not in columns:
        told = f"{OUTPUT} is not checked: name the candidate's column of it with --prediction"
        click.echo(told, err=True)
        kept = {name: one for name, one in reference.features.items() if name != OUTPUT}
        reference = replace(reference, features=kept)
    found = check_data(
        reference,
        columns,
        max_psi=max_psi,
        min_presence=min_presence,
        max_out_of_range=max_out_of_range,
        by=by,
    )
    if html:
        save(html, _page_of_check(reference, candidate, found))
    if as_json:
        click.echo(json.dumps([_as_json(one) for one in found]))
    else:
        _print_check(reference, found, by)
    raise SystemExit(1 if any(one.failures for one in found) else 0)


def _load(given: str, model: str, server: str) -> "Reference":
    from vario.drift.reference import load_reference

    path = Path(given)
    if path.is_file():
        try:
            return load_reference(path.read_text("utf-8"), given)
        except UnicodeDecodeError as error:
            raise BadData(
                f"{given} is no reference but rows: make one of it with "
                f"'vario reference create {given} --model MODEL --name NAME --out reference.json'"
            ) from error
    if path.suffix == ".json":
        raise BadData(f"{given}: there is no such file")
    kept = ask(server, "/api/references")["references"]
    named = [r for r in kept if r["name"] == given and model in ("", r["model_name"])]
    if not named:
        raise BadData(f"there is neither a file nor a reference {given!r} at {server}")
    if len(named) > 1:
        raise BadData(
            f"{given!r} is a reference of {', '.join(r['model_name'] for r in named)}: name one "
            "with --model"
        )
    where = f"/api/references/{quote(named[0]['model_name'], safe='')}/{quote(given, safe='')}"
    return load_reference(json.dumps(ask(server, where)["document"]), f"reference {given!r}")


def _print_check(reference: "Reference", found: "list[Checked]", by: str) -> None:
    failed = [one for one in found if one.failures]
    shown = found if not by else [one for one in found if not one.segment or one.failures]
    print_table(
        ["FEATURE", by.upper() or "ROWS OF", "", "PSI", "CHANCE", "PRESENT", "OUTSIDE", "ROWS"],
        [
            [
                one.feature.name,
                one.segment or "all",
                click.style("FAIL", fg="red") if one.failures else click.style("ok", fg="green"),
                _number(one.drift.psi),
                _number(one.drift.psi_critical),
                f"{1 - one.drift.missing_ratio:.2%}",
                "-"
                if one.drift.outside_ratio != one.drift.outside_ratio
                else f"{one.drift.outside_ratio:.2%}",
                f"{one.drift.rows:.0f}",
            ]
            for one in shown
        ],
    )
    click.echo()
    for one in failed:
        where = f" in {by}={one.segment}" if one.segment else ""
        for failure in one.failures:
            click.secho(f"{one.feature.name}{where}: {failure}", fg="red")
    features = len(reference.features)
    told = f"{features} features against reference {reference.name!r}"
    click.echo(f"{told}: {f'{len(failed)} failed' if failed else 'all pass'}")


def _number(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else "-"


def _as_json(one: "Checked") -> dict[str, Any]:
    drift = one.drift
    return {
        "feature": drift.feature,
        "segment": one.segment,
        "passed": not one.failures,
        "failures": list(one.failures),
        "rows": drift.rows,
        "presence_ratio": 1 - drift.missing_ratio,
        "out_of_range_ratio": (
            None if drift.outside_ratio != drift.outside_ratio else drift.outside_ratio
        ),
        "psi": None if drift.psi != drift.psi else drift.psi,
        "psi_critical": None if drift.psi != drift.psi else drift.psi_critical,
    }


def _page_of_check(reference: "Reference", candidate: Path, found: "list[Checked]") -> str:
    from vario.drift.page import render

    failures = [
        f"{one.feature.name}{f' ({one.segment})' if one.segment else ''}: {failure}"
        for one in found
        for failure in one.failures
    ]
    panels = [_panel(one) for one in found if not one.segment or one.failures]
    title = f"{candidate.name} against reference {reference.name}"
    return render(title, failures or ["every feature passes"], panels)


def _panel(one: "Checked") -> "Panel":
    from vario.drift.page import Panel

    present = sum(one.counts)
    line = f"PSI {one.drift.psi:.3f}, present {1 - one.drift.missing_ratio:.2%}"
    return Panel(
        f"{one.feature.name}{f' ({one.segment})' if one.segment else ''}",
        one.failures or (line,),
        bool(one.failures),
        one.feature.labels,
        tuple((one.feature.counts / one.feature.present).tolist()),
        tuple(count / present if present else 0.0 for count in one.counts),
    )

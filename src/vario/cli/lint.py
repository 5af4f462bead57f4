"""`vario lint`: what is wrong in rule files, SLOs, dashboards and log samples."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from vario.lint.finding import Finding, Kind
    from vario.lint.options import Options
    from vario.lint.source import Source

_KINDS = ("rules", "slo", "dashboard", "logs", "settings")
_SKIPPED = frozenset({"node_modules", "__pycache__", "venv"})
_EXAMPLES = """\b
Examples:
  vario lint rules/ dashboards/
  vario lint --format sarif --output lint.sarif .
  kubectl logs deploy/ml-infer | vario lint --kind logs -
  vario lint --explain VA102
"""


@click.command(epilog=_EXAMPLES)
@click.argument("paths", nargs=-1, type=click.Path())
@click.option(
    "--kind", type=click.Choice(_KINDS), help="What the files are.  [default: by content]"
)
@click.option(
    "--format", "style", type=click.Choice(["text", "json", "sarif", "github"]), default="text"
)
@click.option("--output", type=click.Path(dir_okay=False), help="Write the findings to a file.")
@click.option("--fix", is_flag=True, help="Correct what can be corrected safely, in the files.")
@click.option("--disable", multiple=True, metavar="CODE", help="Do not ask this rule; repeatable.")
@click.option("--only", multiple=True, metavar="CODE", help="Ask this rule only; repeatable.")
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "info", "never"]),
    default="warning",
    show_default=True,
    help="The least severity that makes the exit code 1.",
)
@click.option("--config", type=click.Path(dir_okay=False), help="[default: .vario-lint.yml]")
@click.option("--server", help="Ask a running vario or Prometheus what series there are.")
@click.option("--explain", metavar="CODE", help="Say everything about a rule.")
@click.option("--list", "list_rules", is_flag=True, help="List all rules.")
def lint(
    paths: tuple[str, ...],
    kind: "Kind | None",
    style: str,
    output: str | None,
    disable: tuple[str, ...],
    only: tuple[str, ...],
    fail_on: str,
    config: str | None,
    server: str | None,
    explain: str | None,
    *,
    fix: bool,
    list_rules: bool,
) -> None:
    """Find mistakes in rule files, SLOs, Grafana dashboards and log samples.

    PATHS are files, folders, or - for standard input. Exits with 1 where something was found that
    is as bad as --fail-on, and with 2 where a file cannot be read.
    """
    if explain or list_rules:
        _print_rules(explain)
        return
    if not paths:
        raise click.UsageError("name a file or a folder, or - for standard input")
    options = _options(config, disable, only, server)
    sources = list(_read(paths))
    findings, fixed = _judge(sources, options, kind, fix=fix)
    _report(findings, sources, style, output)
    if fixed:
        click.echo(f"{fixed} fixed", err=True)
    failing = ("error", "warning", "info", "never").index(fail_on)
    if any(f.rule.severity in ("error", "warning", "info")[: failing + 1] for f in findings):
        raise SystemExit(0 if fail_on == "never" else 1)


def _print_rules(code: str | None) -> None:
    from vario.cli.output import print_table
    from vario.lint.page import explain
    from vario.lint.run import RULES

    if code is None:
        rows = [(r.code, r.severity, r.name, r.title) for r in RULES.values()]
        print_table(("code", "severity", "name", "finds"), rows)
        return
    _check_codes([code])
    click.echo(explain(RULES[code.upper()]))


def _check_codes(codes: Sequence[str]) -> frozenset[str]:
    from vario.lint.run import RULES

    for code in codes:
        if code.upper() not in RULES:
            raise click.UsageError(f"there is no rule {code}; see vario lint --list")
    return frozenset(code.upper() for code in codes)


def _options(
    config: str | None, disable: Sequence[str], only: Sequence[str], server: str | None
) -> "Options":
    from vario.cli.lint_live import LiveServer
    from vario.lint.options import FILE_NAME, Options, load_options
    from vario.lint.run import RULES

    path = Path(config or FILE_NAME)
    options = load_options(path, RULES) if config or path.is_file() else Options()
    disabled = options.disabled | _check_codes(disable)
    if only:
        disabled |= frozenset(RULES) - _check_codes(only)
    live = LiveServer(server) if server else None
    return replace(options, disabled=disabled, facts=replace(options.facts, live=live))


def _read(paths: Sequence[str]) -> Iterator["Source"]:
    """Yields the files that the paths name; of folders those with endings that may matter."""
    from vario.lint.source import Source

    for name in paths:
        if name == "-":
            yield Source("-", sys.stdin.read())
            continue
        path = Path(name)
        for file in sorted(_walk(path)) if path.is_dir() else [path]:
            try:
                text = file.read_bytes().decode("utf-8")
            except OSError as error:
                _refuse(f"{file}: cannot be read: {error.strerror}")
            except UnicodeDecodeError as error:
                _refuse(f"{file}: is not UTF-8: {error}")
            else:
                yield Source(file.as_posix(), text)


def _refuse(message: str) -> None:
    click.echo(message, err=True)
    sys.exit(2)


def _walk(folder: Path) -> Iterator[Path]:
    from vario.lint.run import SUFFIXES

    for path in folder.iterdir():
        if path.name.startswith(".") or path.name in _SKIPPED:
            continue
        if path.is_dir():
            yield from _walk(path)
        elif path.suffix.lower() in SUFFIXES:
            yield path


def _judge(
    sources: list["Source"], options: "Options", kind: "Kind | None", *, fix: bool
) -> tuple[list["Finding"], int]:
    """Returns all findings, and how many were fixed; fixed sources are replaced in the list."""
    from vario.lint.fix import fix_all
    from vario.lint.run import lint as find
    from vario.lint.source import Source

    fixed = 0
    for i, source in enumerate(sources if fix else ()):
        path = source.path

        def judge(text: str, path: str = path) -> "list[Finding]":
            return find(
                [Source(path, text)], options.facts, kind=kind, disabled_in=options.disabled_in
            )

        text, done = fix_all(source.text, judge)
        if done and path != "-":
            fixed += done
            Path(path).write_bytes(text.encode("utf-8"))
            sources[i] = Source(path, text)
    findings = find(sources, options.facts, kind=kind, disabled_in=options.disabled_in)
    return findings, fixed


def _report(
    findings: Sequence["Finding"], sources: Sequence["Source"], style: str, output: str | None
) -> None:
    from importlib.metadata import version as version_of

    import orjson

    from vario.lint.report.github import format_github
    from vario.lint.report.json import to_json
    from vario.lint.report.sarif import to_sarif
    from vario.lint.report.text import format_summary, format_text
    from vario.lint.run import RULES

    by_path = {source.path: source for source in sources}
    match style:
        case "json":
            text = orjson.dumps(to_json(findings), option=orjson.OPT_INDENT_2).decode()
        case "sarif":
            log = to_sarif(findings, RULES.values(), by_path, version_of("vario"))
            text = orjson.dumps(log, option=orjson.OPT_INDENT_2).decode()
        case "github":
            text = format_github(findings)
        case _:
            text = format_text(findings, by_path)
    if output:
        Path(output).write_text(f"{text}\n", "utf-8")
    elif text:
        click.echo(text)
    if style == "text" or output:
        gap = "\n" if text and not output else ""
        click.echo(gap + format_summary(findings, len(sources)))

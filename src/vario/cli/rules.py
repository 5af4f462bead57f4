"""`vario rules`: Prometheus rule files, checked and tested without a server."""

import click

from vario.alert.rulefile import RuleGroup, check_file, find_duplicates
from vario.query.promql.literals import format_duration_ms

LINT_EXIT = 3
"""promtool's exit code for a file that loads and is still doubtful."""


@click.group()
def rules() -> None:
    """Work with Prometheus rule files."""


@rules.command()
@click.argument("files", nargs=-1, required=True, type=click.Path())
@click.option(
    "--lint-fatal", is_flag=True, help=f"Exit with {LINT_EXIT} where rules come more than once."
)
def check(files: tuple[str, ...], *, lint_fatal: bool) -> None:
    """Check that rule FILES are valid, as `promtool check rules` does.

    Exits with 1 where one is not.
    """
    failed = doubtful = False
    for file in files:
        click.echo(f"Checking {file}")
        groups, problems = check_file(file)
        if problems:
            failed = True
            click.secho("  FAILED:", fg="red", err=True)
            for problem in problems:
                click.echo(str(problem), err=True)
            continue
        for group in groups:
            click.echo(f"  {_describe(group)}")
        count = sum(len(group.rules) for group in groups)
        click.echo(f"  {click.style('SUCCESS:', fg='green')} {count} rules found")
        doubtful |= _warn_of_duplicates(groups)
        click.echo()
    if failed or (doubtful and lint_fatal):
        raise SystemExit(1 if failed else LINT_EXIT)


@rules.command()
@click.argument("files", nargs=-1, required=True, type=click.Path())
def test(files: tuple[str, ...]) -> None:
    """Run unit tests of rules: FILES as `promtool test rules` reads them.

    Everything is evaluated by vario's own evaluator over a real store, which lives in memory.
    Exits with 1 where something does not hold.
    """
    from vario.alert.ruletest import load_tests, run_tests
    from vario.cli.promql import scratch_metrics
    from vario.query.promql.engine import PromQL

    passed = failed = 0
    with scratch_metrics() as metrics:
        engine = PromQL(metrics)
        for name in files:
            click.echo(f"Testing {name}")
            file = load_tests(name)
            failures = list(run_tests(file, metrics, engine))
            for failure in failures:
                click.echo(f"  {failure}")
            broken = len({failure.test for failure in failures})
            failed += broken
            passed += len(file.tests) - broken
    click.echo(f"{passed} passed, {failed} failed")
    raise SystemExit(1 if failed else 0)


def _describe(group: RuleGroup) -> str:
    """Returns one line on a group: its name, its rules by kind, and its interval."""
    alerting = sum(rule.kind == "alerting" for rule in group.rules)
    recording = len(group.rules) - alerting
    every = f", every {format_duration_ms(group.interval_ms)}" if group.interval_ms else ""
    return f"{group.name}: {alerting} alerting, {recording} recording{every}"


def _warn_of_duplicates(groups: list[RuleGroup]) -> bool:
    duplicates = find_duplicates(groups)
    if duplicates:
        click.secho(f"  {len(duplicates)} duplicate rule(s) found.", fg="yellow", err=True)
    for rule, count in duplicates:
        labels = ", ".join(f'{name}="{value}"' for name, value in sorted(rule.labels.items()))
        kind = "alert" if rule.kind == "alerting" else "record"
        click.echo(
            f"  line {rule.line}: {kind} {rule.name}{{{labels}}} comes {count} times; "
            "their results may contradict each other",
            err=True,
        )
    return bool(duplicates)

"""Shapes of SLOs in the API. Ratios are 0 to 1, times seconds since the epoch, windows seconds."""

from typing import Literal

from pydantic import Field

from vario.api.models import Shape


class BurnRateOut(Shape):
    """An alert's two windows now; a burn rate is null where the window is not measured."""

    severity: Literal["page", "ticket"]
    long_window: float
    short_window: float
    threshold: float
    long: float | None
    short: float | None
    burning: bool
    rule: str = Field(description="the alert in words")


class SloGroupOut(Shape):
    """One group of an SLO that is kept apart by labels (one without labels else)."""

    labels: dict[str, str]
    bad: float
    total: float
    budget_left: float | None


class SloOut(Shape):
    """An SLO and where it stands. `budget_left` is null where nothing was measured."""

    id: str
    service: str
    title: str
    owner: str
    state: Literal["ok", "burning", "exhausted", "unmeasured"]
    objective: float
    sli: str = Field(description="what a bad event is")
    kind: str
    period: str
    budget_left: float | None
    bad: float
    total: float
    coverage: float = Field(description="share of the period in which anything was measured")
    measured_now: bool
    burn_rates: list[BurnRateOut]
    groups: list[SloGroupOut]


class SlosOut(Shape):
    """All SLOs of this server, and what is doubtful in their files."""

    slos: list[SloOut]
    warnings: list[str]


class BurnPointOut(Shape):
    """What was left of the budget at a time; null before the first measurement."""

    time: float
    budget_left: float | None


class SpenderOut(Shape):
    """A group in an hour and the share of the whole budget that it spent."""

    labels: dict[str, str]
    start: float
    bad: float
    total: float
    budget_spent: float


class SloDetailOut(Shape):
    """Everything about one SLO."""

    slo: SloOut
    description: str
    file: str
    line: int
    hours: str = Field(description="business hours in words, empty for always")
    period_start: float
    now: float
    burn_down: list[BurnPointOut]
    spenders: list[SpenderOut]
    warnings: list[str]
    queries: dict[str, str] = Field(description="what is recorded: series and PromQL")
    runbook: str = Field(description="a URL, or the text of the runbook in Markdown")


class SpentByOut(Shape):
    """A value of the label: its events, the share of the whole budget that it spent, by step.

    A cell is null where nothing was measured.
    """

    value: str
    bad: float
    total: float
    budget_spent: float
    cells: list[float | None]


class SloSpentOut(Shape):
    """What spent a budget by the values of `by`; `choices` are labels that can be asked for."""

    by: str
    choices: list[str]
    start: float
    step: float
    groups: list[SpentByOut]

"""Rule files at start: read before anything is opened, evaluated once the store is there."""

from dataclasses import dataclass, field, replace

from vario.alert.book import AlertListener
from vario.alert.prometheus_yml import read_rule_config
from vario.alert.rulefile import RuleGroup, load_rules
from vario.alert.scheduler import RuleScheduler
from vario.alert.seams import make_query, make_write
from vario.clock import Clock
from vario.config import AlertSettings
from vario.model.series import Labels
from vario.query.promql.engine import PromQL
from vario.store.base import Store


@dataclass(frozen=True, slots=True)
class RulePlan:
    """Rule groups that are to be evaluated, and how."""

    settings: AlertSettings
    groups: tuple[RuleGroup, ...] = ()
    external_labels: Labels = field(default_factory=dict)


def read_rules(settings: AlertSettings, prometheus_yml: str = "") -> RulePlan:
    """Reads every rule file that the settings and a prometheus.yml name.

    Args:
        settings: the settings of rules; what the prometheus.yml says wins over them.
        prometheus_yml: its path, empty where there is none.

    Raises:
        BadData: a file cannot be read, or a rule in it cannot be used.
    """
    labels: Labels = {}
    if prometheus_yml:
        config = read_rule_config(prometheus_yml)
        labels = config.external_labels
        settings = replace(settings, rule_files=(*settings.rule_files, *config.rule_files))
        if config.evaluation_interval_s is not None:
            settings = replace(settings, evaluation_interval_s=config.evaluation_interval_s)
        if config.query_offset_s is not None:
            settings = replace(settings, query_offset_s=config.query_offset_s)
    return RulePlan(settings, tuple(load_rules(settings.rule_files)), labels)


def start_rules(
    plan: RulePlan, store: Store, clock: Clock, listener: AlertListener | None = None
) -> RuleScheduler:
    """Starts evaluating; the caller stops what comes back before the store is closed.

    Args:
        plan: what is evaluated.
        store: what is read, and where results go.
        clock: when.
        listener: hears what is found.
    """
    scheduler = RuleScheduler(
        plan.settings,
        clock=clock,
        query=make_query(PromQL(store)),
        write=make_write(store),
        reader=store,
        external_labels=plan.external_labels,
        listener=listener,
    )
    scheduler.update(plan.groups)
    scheduler.start()
    return scheduler

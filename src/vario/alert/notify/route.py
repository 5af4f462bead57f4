"""The routing tree: which receiver hears of an alert, grouped with which others.

Source: Alertmanager's documentation, "Route".
"""

from collections.abc import Iterator
from dataclasses import dataclass

from vario.alert.notify.matchers import format_matcher, match_all
from vario.model.series import Labels, Matcher

S = 10**9
EVERY_LABEL = "..."
"""In `group_by`: each alert is a group of its own."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How soon and how often a group is told of; nanoseconds.

    Attributes:
        wait_ns: from a group's first alert to the first notification, so that others can join.
        interval_ns: least time between two notifications that say different things.
        repeat_ns: time after which what has not changed is told again.
    """

    wait_ns: int = 30 * S
    interval_ns: int = 300 * S
    repeat_ns: int = 4 * 3600 * S


@dataclass(frozen=True, slots=True)
class Route:
    """A node of the tree; what a node leaves open it has from its parent."""

    receiver: str
    matchers: tuple[Matcher, ...] = ()
    group_by: tuple[str, ...] = ("alertname", "service")
    timing: Timing = Timing()
    goes_on: bool = False
    routes: tuple["Route", ...] = ()
    path: str = "{}"

    def find(self, labels: Labels) -> Iterator["Route"]:
        """Yields the deepest nodes that an alert falls to; this one if no child takes it."""
        taken = False
        for route in self.routes:
            if match_all(route.matchers, labels):
                taken = True
                yield from route.find(labels)
                if not route.goes_on:
                    return
        if not taken:
            yield self

    def group(self, labels: Labels) -> dict[str, str]:
        """Returns the labels that an alert shares with its group."""
        if EVERY_LABEL in self.group_by:
            return dict(sorted(labels.items()))
        return {name: labels[name] for name in sorted(self.group_by) if name in labels}

    def key(self, group: Labels) -> str:
        """Returns a text that names a group of this node, the same after every restart."""
        shown = ",".join(format_matcher(Matcher(name, "=", group[name])) for name in sorted(group))
        return f"{self.path}:{{{shown}}}"

    def walk(self) -> Iterator["Route"]:
        """Yields this node and all below it."""
        yield self
        for route in self.routes:
            yield from route.walk()

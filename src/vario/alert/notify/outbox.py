"""Notifications on their way: each is tried until it is delivered, refused, or too old.

What is queued is in the store before it is sent, and marked sent after: a kill between the two
sends it once more, under the same id. Of one group, a receiver hears things in their order.
"""

import hashlib
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from vario.alert.journal import Journal
from vario.alert.notify.send import Outcome
from vario.model.alert import Delivery

S = 10**9
FIRST_RETRY_S = 5.0
LONGEST_RETRY_S = 300.0
LEAST_ATTEMPTS = 5
"""Before something is given up on, however old it is: it may have waited for a restart."""


def make_delivery_id(
    receiver: str, group_key: str, before: str, firing: Iterable[str], resolved: Iterable[str]
) -> str:
    """Returns 32 hexadecimal digits, the same for the same news after the same notification.

    Args:
        receiver: its name.
        group_key: the group.
        before: id of the group's notification before this one, empty for none.
        firing: ids of the alerts that are said to fire.
        resolved: ids of the alerts that are said to be over.
    """
    parts = (receiver, group_key, before, ",".join(sorted(firing)), ",".join(sorted(resolved)))
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


class Outbox:
    """The notifications. Not locked: `AlertDesk` lets one thread in at a time."""

    def __init__(self, journal: Journal, *, give_up_ns: int, dice: random.Random) -> None:
        self._journal = journal
        self._give_up_ns = give_up_ns
        self._dice = dice
        self._open: dict[str, Delivery] = {}
        self._flying: set[str] = set()
        self.last: dict[tuple[str, str], Delivery] = {}
        """The newest notification of each receiver and group: what the receiver knows of it."""
        self.outcomes: dict[tuple[str, str], int] = {}
        """Attempts by receiver and verdict."""

    def load(self, open_: Sequence[Delivery], last: Sequence[Delivery]) -> None:
        """Takes over what the log knows."""
        for delivery in (*open_, *last):
            self._journal.start_after(delivery.version)
        self._open = {delivery.id: delivery for delivery in open_}
        self.last = {(delivery.receiver, delivery.group_key): delivery for delivery in last}

    def queue(self, deliveries: Sequence[Delivery]) -> None:
        """Writes notifications down; from then on they are on their way."""
        numbered = [
            replace(delivery, version=self._journal.next_version()) for delivery in deliveries
        ]
        self._journal.write(deliveries=numbered)
        for delivery in numbered:
            self._open[delivery.id] = delivery
            if delivery.reason != "test":
                self.last[delivery.receiver, delivery.group_key] = delivery

    def take_due(self, now_ns: int) -> list[Delivery]:
        """Returns what is to be tried now, one for each receiver; `finish` must follow for each."""
        heads: dict[tuple[str, str], Delivery] = {}
        for delivery in sorted(self._open.values(), key=lambda one: (one.created_ns, one.version)):
            heads.setdefault((delivery.receiver, delivery.group_key), delivery)
        busy = {self._open[id_].receiver for id_ in self._flying if id_ in self._open}
        due: list[Delivery] = []
        for delivery in sorted(heads.values(), key=lambda one: (one.next_ns, one.version)):
            if delivery.next_ns <= now_ns and delivery.receiver not in busy:
                busy.add(delivery.receiver)
                self._flying.add(delivery.id)
                due.append(delivery)
        return due

    def next_ns(self) -> int | None:
        """Returns when something is to be tried next, None where nothing waits."""
        return min((one.next_ns for one in self._open.values()), default=None)

    def finish(self, delivery: Delivery, outcome: Outcome, now_ns: int) -> None:
        """Notes what became of an attempt."""
        self._flying.discard(delivery.id)
        self.count(delivery.receiver, outcome)
        current = self._open.get(delivery.id)
        if current is None:
            return
        tried = replace(
            current,
            version=self._journal.next_version(),
            attempts=current.attempts + 1,
            tried_ns=now_ns,
            error=outcome.error,
        )
        if outcome.verdict == "delivered":
            # One that was replaced while it was under way has still to be sent as it is now.
            if current.message == delivery.message:
                tried = replace(tried, status="sent")
        elif outcome.verdict == "refused" or self._is_hopeless(tried, now_ns):
            tried = replace(tried, status="dead")
        else:
            wait_s = max(self.backoff_s(tried.attempts), outcome.after_s)
            tried = replace(tried, next_ns=now_ns + round(wait_s * S))
        self._put(tried)

    def count(self, receiver: str, outcome: Outcome) -> None:
        """Counts an attempt."""
        counted = receiver, outcome.verdict
        self.outcomes[counted] = self.outcomes.get(counted, 0) + 1

    def note(self, delivery: Delivery) -> None:
        """Writes down a message that was sent past the outbox."""
        version = self._journal.next_version()
        self._journal.write(deliveries=[replace(delivery, version=version)])

    def _is_hopeless(self, tried: Delivery, now_ns: int) -> bool:
        old = now_ns - tried.created_ns >= self._give_up_ns
        return old and tried.attempts >= LEAST_ATTEMPTS

    def backoff_s(self, attempts: int) -> float:
        """Returns the wait after so many failures: doubling, and half of it by chance."""
        wait_s = min(FIRST_RETRY_S * 2.0 ** min(attempts - 1, 10), LONGEST_RETRY_S)
        return wait_s * (0.5 + self._dice.random() / 2)

    def _put(self, delivery: Delivery) -> None:
        self._journal.write(deliveries=[delivery])
        if delivery.status == "queued":
            self._open[delivery.id] = delivery
        else:
            self._open.pop(delivery.id, None)
        key = delivery.receiver, delivery.group_key
        if key in self.last and self.last[key].id == delivery.id:
            self.last[key] = delivery

    def revive(self, delivery: Delivery, now_ns: int) -> Delivery:
        """Puts a notification that was given up on back on its way, and returns it."""
        again = replace(
            delivery,
            version=self._journal.next_version(),
            status="queued",
            next_ns=now_ns,
            attempts=0,
        )
        self._put(again)
        return again

    def drop_unknown(self, receivers: Mapping[str, object], now_ns: int) -> None:
        """Gives up on notifications to receivers that the settings no longer name."""
        for delivery in list(self._open.values()):
            if delivery.receiver not in receivers:
                error = f"no receiver is named {delivery.receiver!r} any more"
                version = self._journal.next_version()
                self._put(
                    replace(delivery, version=version, status="dead", error=error, tried_ns=now_ns)
                )

    def is_open(self, id_: str) -> bool:
        """Returns whether a notification is still on its way."""
        return id_ in self._open

    def waiting(self) -> list[Delivery]:
        """Returns what is still on its way, oldest first."""
        return sorted(self._open.values(), key=lambda one: (one.created_ns, one.version))

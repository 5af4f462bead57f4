"""Makes the demo's database and trains its model: `python -m vario.demo.prepare FOLDER`.

Two thirds of what users did is history, from which features are computed; the model is trained on
the last third, so that it never sees an answer among its inputs.
"""

import pickle
import sqlite3
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from vario.demo import world
from vario.demo.features import CATEGORICAL, ItemColumns, encode, smoothed
from vario.demo.learning import import_scikit_learn

DATABASE, MODEL = "features.sqlite", "model.pickle"
EVENTS_PER_USER = 100
TRAINING_ROWS = 30_000

_SCHEMA = """
CREATE TABLE users (id INTEGER PRIMARY KEY, age INTEGER, country INTEGER, session_length REAL);
CREATE TABLE events (user_id INTEGER, item_id INTEGER, category INTEGER, accepted INTEGER);
"""
_INDEXES = """
CREATE INDEX users_by_country ON users (country);
CREATE INDEX events_by_user ON events (user_id);
"""


@dataclass(frozen=True)
class _Events:
    """What users were shown (indices, not ids) and whether they accepted it, oldest first."""

    user: NDArray[np.int64]
    item: NDArray[np.int64]
    session_length: NDArray[np.float64]
    accepted: NDArray[np.int64]

    def part(self, rows: slice) -> "_Events":
        """Returns some of the rows."""
        return _Events(
            self.user[rows], self.item[rows], self.session_length[rows], self.accepted[rows]
        )


def main() -> None:
    """Writes the database and the model into the folder named on the command line."""
    import_scikit_learn()
    folder = Path(sys.argv[1])
    users, items = world.make_users(), world.make_items()
    events = _live(users, items)
    history = events.part(slice(0, len(events.user) * 2 // 3))
    recent = events.part(slice(-TRAINING_ROWS, None))
    unfinished = folder / "unfinished"
    _write_database(unfinished, users, items, history)
    unfinished.rename(folder / DATABASE)  # services wait for a file of this name, whole
    unfinished.write_bytes(pickle.dumps(_train(users, items, history, recent)))
    unfinished.rename(folder / MODEL)


def _live(users: world.Users, items: world.Items) -> _Events:
    """Returns what users did before the demo began, drawn from what they really like."""
    rng = np.random.default_rng(world.SEED + 3)
    count = len(users.age) * EVENTS_PER_USER
    user = rng.integers(0, len(users.age), count)
    item = rng.integers(0, len(items.price), count)
    length = world.draw_session_length(users.session_length[user], rng)
    probability = world.accept_probability(
        users.age[user],
        users.country[user],
        length,
        items.category[item],
        items.price[item],
        items.quality[item],
    )
    return _Events(user, item, length, (rng.random(count) < probability).astype(np.int64))


def _write_database(path: Path, users: world.Users, items: world.Items, history: _Events) -> None:
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as database:
        # Losing a database that is being made costs nothing: the demo makes it anew.
        database.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;" + _SCHEMA)
        database.executemany(
            "INSERT INTO users VALUES (?, ?, ?, ?)",
            zip(
                range(1, len(users.age) + 1),
                users.age.tolist(),
                users.country.tolist(),
                users.session_length.tolist(),
                strict=True,
            ),
        )
        database.executemany(
            "INSERT INTO events VALUES (?, ?, ?, ?)",
            zip(
                (history.user + 1).tolist(),
                (history.item + 1).tolist(),
                items.category[history.item].tolist(),
                history.accepted.tolist(),
                strict=True,
            ),
        )
        database.executescript(_INDEXES)
        database.executescript("PRAGMA journal_mode = WAL;")
    database.close()


def _rates(
    group: NDArray[np.int64], groups: int, accepted: NDArray[np.int64]
) -> NDArray[np.float64]:
    return smoothed(np.bincount(group, accepted, groups), np.bincount(group, minlength=groups))


def _train(
    users: world.Users, items: world.Items, history: _Events, recent: _Events
) -> dict[str, object]:
    from sklearn.ensemble import HistGradientBoostingClassifier

    kinds = len(world.CATEGORIES)
    peers = users.country * 8 + users.age // 10
    category = items.category[history.item]
    by_user = _rates(history.user, len(users.age), history.accepted)
    by_user_category = _rates(
        history.user * kinds + category, len(users.age) * kinds, history.accepted
    )
    by_peers = _rates(
        peers[history.user] * kinds + category, len(world.COUNTRIES) * 8 * kinds, history.accepted
    )
    columns = ItemColumns(
        items.category, items.price, _rates(history.item, len(items.price), history.accepted)
    )
    recent_category = items.category[recent.item]
    matrix = encode(
        age=users.age[recent.user].astype(np.float64),
        country=users.country[recent.user].astype(np.float64),
        session_length=recent.session_length,
        user_accept_rate=by_user[recent.user],
        category_accept_rate=by_user_category[recent.user * kinds + recent_category],
        peer_accept_rate=by_peers[peers[recent.user] * kinds + recent_category],
        items=columns,
        chosen=recent.item,
    )
    model = HistGradientBoostingClassifier(
        max_iter=60,
        learning_rate=0.15,
        categorical_features=cast(Any, list(CATEGORICAL)),
        random_state=0,
    )
    model.fit(matrix, recent.accepted)
    return {"model": model, "items": columns}


if __name__ == "__main__":
    main()

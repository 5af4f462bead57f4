"""The people and things of the demo, and what people really like.

The model never sees the functions here, only what users did. Everything is drawn from one seed.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SEED = 23
USERS = 4_000
ITEMS = 500
CATEGORIES = ("news", "sports", "music", "film", "cooking", "travel", "tech", "kids")
REGIONS = ("us-east", "eu-west")
MISSING_SESSION_SHARE = 0.01
"""Of all requests, those that come without a session length when all is well."""

COUNTRIES = (
    ("US", 0, 0.28), ("CA", 0, 0.08), ("BR", 0, 0.08), ("MX", 0, 0.06),
    ("DE", 1, 0.12), ("FR", 1, 0.10), ("GB", 1, 0.10), ("IT", 1, 0.06),
    ("ES", 1, 0.05), ("NL", 1, 0.03), ("CH", 1, 0.02), ("SE", 1, 0.02),
)  # fmt: skip
"""Code, index of the region that serves it, share of the users."""


@dataclass(frozen=True)
class Users:
    """Columns over users; user `i` has the id `i + 1`. Session lengths are minutes."""

    age: Ints
    country: Ints
    session_length: Floats

    @property
    def region(self) -> Ints:
        """Index into `REGIONS` of the region that serves each user."""
        return np.array([region for _, region, _ in COUNTRIES])[self.country]


@dataclass(frozen=True)
class Items:
    """Columns over items; item `i` has the id `i + 1`."""

    category: Ints
    price: Floats
    quality: Floats


def make_users(count: int = USERS) -> Users:
    """Returns the users."""
    rng = np.random.default_rng(SEED)
    age = np.clip(rng.gamma(6.0, 6.5, count), 16, 79).astype(np.int64)
    country = rng.choice(len(COUNTRIES), count, p=[share for _, _, share in COUNTRIES])
    length = rng.lognormal(np.log(14 - age / 10), 0.5)
    return Users(age, country.astype(np.int64), np.round(length, 1))


def make_items(count: int = ITEMS) -> Items:
    """Returns the items. Nobody is told an item's quality."""
    rng = np.random.default_rng(SEED + 1)
    return Items(
        rng.integers(0, len(CATEGORIES), count),
        np.round(rng.gamma(2.0, 4.0, count), 2),
        rng.normal(0.0, 0.8, count),
    )


def accept_probability(
    age: Ints,
    country: Ints,
    session_length: Floats | float,
    category: Ints,
    price: Floats,
    quality: Floats,
) -> Floats:
    """Returns how likely a user is to accept an item that is shown; all arguments broadcast."""
    rng = np.random.default_rng(SEED + 2)
    by_age = rng.normal(0.0, 1.0, (7, len(CATEGORIES)))
    by_country = rng.normal(0.0, 0.6, (len(COUNTRIES), len(CATEGORIES)))
    patience = np.linspace(-1.0, 1.0, len(CATEGORIES))
    band = np.clip(age // 10 - 1, 0, 6)
    score = (
        -2.6
        + by_age[band, category]
        + by_country[country, category]
        + quality
        + patience[category] * np.tanh((session_length - 10) / 8)
        - 0.03 * price * (1 + (age < 30))
    )
    return 1 / (1 + np.exp(-score))


def user_popularity(count: int) -> Floats:
    """Returns how often each of `count` users comes, as shares: a few often, most rarely."""
    weight = 1 / np.arange(1, count + 1) ** 1.1
    return weight / weight.sum()


@dataclass(frozen=True)
class Crowd:
    """The users of one region, the most frequent first, and how often each comes."""

    ids: Ints
    share: Floats


def make_crowds(users: Users) -> dict[str, Crowd]:
    """Returns who comes in each region."""
    shuffled = np.random.default_rng(SEED).permutation(len(users.age))
    return {
        name: Crowd(
            own := shuffled[users.region[shuffled] == index],
            user_popularity(len(own)),
        )
        for index, name in enumerate(REGIONS)
    }


def draw_visits(crowd: Crowd, count: int, rng: np.random.Generator) -> Ints:
    """Returns indices of users in the order in which they come."""
    return rng.choice(crowd.ids, count, p=crowd.share)


def draw_session_length(usual: Floats | float, rng: np.random.Generator) -> Floats:
    """Returns how long users are there this time, in minutes, from how long they usually are."""
    return np.round(usual * rng.lognormal(0, 0.4, np.shape(usual)), 1)

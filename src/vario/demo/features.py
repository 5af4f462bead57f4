"""What the model is given, in this order; training and serving both build it here."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FEATURES = (
    "age",
    "country",
    "session_length",
    "user_accept_rate",
    "category_accept_rate",
    "peer_accept_rate",
    "category",
    "price",
    "item_accept_rate",
)
CATEGORICAL = (1, 6)
PRIOR_ACCEPTED, PRIOR_SHOWN = 1.0, 4.0


@dataclass(frozen=True)
class ItemColumns:
    """What is known of the items when a request is served."""

    category: NDArray[np.int64]
    price: Floats
    accept_rate: Floats


def smoothed(accepted: NDArray[Any], shown: NDArray[Any]) -> Floats:
    """Returns the share that was accepted, pulled towards 1 in 4 where little was shown."""
    return np.asarray((accepted + PRIOR_ACCEPTED) / (shown + PRIOR_SHOWN), dtype=np.float64)


def encode(
    *,
    age: Floats | float,
    country: Floats | float,
    session_length: Floats | float,
    user_accept_rate: Floats | float,
    category_accept_rate: Floats,
    peer_accept_rate: Floats,
    items: ItemColumns,
    chosen: NDArray[np.int64],
) -> Floats:
    """Returns the model's input, one row for each chosen item.

    Args:
        age: years; one for all rows or one for each, as the next three.
        country: index of the country.
        session_length: minutes, NaN where it is missing.
        user_accept_rate: share of what the user was shown that the user accepted.
        category_accept_rate: the same within the row's category, one for each row.
        peer_accept_rate: the same among people of the user's age and country.
        items: all items.
        chosen: indices into `items`, one for each row.
    """
    columns = (
        age,
        country,
        session_length,
        user_accept_rate,
        category_accept_rate,
        peer_accept_rate,
        items.category[chosen],
        items.price[chosen],
        items.accept_rate[chosen],
    )
    matrix = np.empty((len(chosen), len(columns)))
    for index, column in enumerate(columns):
        matrix[:, index] = column
    return matrix

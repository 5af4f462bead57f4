"""What the demo's model is compared with: the requests that it was made for."""

import time

import numpy as np

from vario.demo import world
from vario.drift.reference import Reference, make_feature, make_parts

ROWS = 40_000


def make_reference(model_name: str, model_version: str) -> Reference:
    """Returns the reference of a model: requests as users send them when all is well."""
    rng = np.random.default_rng(world.SEED + 4)
    users = world.make_users()
    crowds = world.make_crowds(users)
    served = np.bincount(users.region, minlength=len(world.REGIONS)) / len(users.region)
    region = rng.choice(len(world.REGIONS), ROWS, p=served)
    user = np.empty(ROWS, dtype=np.int64)
    for index, name in enumerate(world.REGIONS):
        crowd, mine = crowds[name], region == index
        user[mine] = rng.choice(crowd.ids, int(mine.sum()), p=crowd.share)
    length = world.draw_session_length(users.session_length[user], rng)
    length[rng.random(ROWS) < world.MISSING_SESSION_SHARE] = np.nan
    columns = {
        "age": users.age[user],
        "country": np.array([code for code, _, _ in world.COUNTRIES], object)[users.country[user]],
        "session_length": length,
        "region": np.array(world.REGIONS, object)[region],
    }
    features = {
        name: make_feature(name, columns[name]) for name in ("age", "country", "session_length")
    }
    parts = make_parts(features, columns, "region")
    source = f"{ROWS} requests drawn as users send them"
    return Reference(
        model_version, model_name, model_version, source, time.time_ns(), features, parts
    )

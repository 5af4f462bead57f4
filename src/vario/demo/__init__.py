"""A small real inference system to watch: `vario demo`.

::

    load ──▶ gateway ──▶ ml-infer (us-east) ──▶ feature-store ──▶ cache ──▶ SQLite
                    └──▶ ml-infer (eu-west) ──┘

Users ask the gateway for recommendations. It calls the model server of their region, which fetches
features, ranks candidates with a model trained at start, and answers. Users accept or reject what
they see, which goes back into the database that features are computed from. Every service runs in
a process of its own with nothing of vario but its SDK.

Nothing is scripted. A slow request is slow because its features were not in the cache and were
computed from the database, because it waited for others in a surge, or because the disk was
synced. The one weakness built in is a real one: the cache of us-east is too small for its users.
"""

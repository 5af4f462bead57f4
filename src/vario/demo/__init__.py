"""A small real inference system to watch: `vario demo`.

::

    load ──▶ gateway ──▶ ml-infer (us-east) ──▶ feature-store (us-east) ──▶ cache ──▶ SQLite
      │             └──▶ ml-infer (eu-west) ──▶ feature-store (eu-west) ──▶ cache ──┘
      └──▶ ml-infer-offline, 2 to 4 replicas ◀── autoscaler

Users ask the gateway for recommendations. It calls the model server of their region, which fetches
features, ranks candidates with a model trained at start, and answers. Users accept or reject what
they see, which goes back into the database that features are computed from. Beside that an offline
path scores users in batches, on accelerators that are simulated but take real time. Every service
runs in a process of its own with nothing of vario but its SDK.

A slow request is slow because its features were not in the cache and were read from the database,
which answers after the time that a network would take; because it waited for others in a surge; or
because the disk was synced. What goes wrong, and how it is mended, is in `scenes`.
"""

"""Who is told of which alerts, when, and how: routing, muting, the outbox, and the senders."""

"""What a user's service runs: spans, metrics and log lines of inference, sent over OTLP.

The public verbs are those of `vario/__init__.py`; everything here is private to it. The room
imports nothing of the server.
"""

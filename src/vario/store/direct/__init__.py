"""Small requests as rows made here, where the engine's views would cost more than the rows do.

The engine analyses every view anew with every insert: 20 to 120 ms of CPU, which a request of a few
spans or points does not repay. Rows are made for what is plain; what is not (`NotPlain`), and what
is large, goes through the views (`store/sql/ingest`), which make the same rows of it.
"""

"""The composition root: what is built from what, started bottom-up and stopped top-down."""

"""`python -m vario.cli` is `vario`."""

from vario.cli import main

main()

"""Runs every measurement, or those named on the command line (`python -m bench ingest`)."""

import importlib
import sys

from bench.report import machine, print_rows

MODULES = (
    "ingest",
    "inserts",
    "sdk",
    "promql",
    "crash",
    "power",
    "fuzz",
    "soak",
    "slo",
    "drift",
    "drift_days",
    "drift_streams",
    "guards",
    "keep",
    "ui",
    "rca_rs",
    "rca_petshop",
    "simulate",
    "investigate",
    "incidents",
    "verify",
)


def main(names: list[str]) -> None:
    """Prints one section a measurement, beginning with the machine."""
    print(f"machine: {machine()}")
    for name in names or MODULES:
        print_rows(name, importlib.import_module(f"bench.{name}").run())


if __name__ == "__main__":
    main(sys.argv[1:])

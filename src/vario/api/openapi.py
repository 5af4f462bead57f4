"""Prints the OpenAPI document: `python -m vario.api.openapi > web/openapi.json`."""

import json
import sys

from vario.api.app import declare_app


def main() -> None:
    """Writes the document to standard output; no engine is opened."""
    json.dump(declare_app().openapi(), sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()

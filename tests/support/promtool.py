"""promtool as an oracle of rules: how it is called, and files for it."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

Promtool = Callable[..., subprocess.CompletedProcess[str]]
"""Runs promtool with arguments and returns what it said."""


def write_yaml(path: Path, document: Any) -> Path:
    """Writes a document as JSON, which is YAML."""
    path.write_text(json.dumps(document), encoding="utf-8")
    return path

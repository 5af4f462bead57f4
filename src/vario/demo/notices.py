"""What a team's own tooling tells the server: changes as they are made, and that a fix is in."""

import logging
from collections.abc import Mapping
from typing import Any

import httpx

_BY = "demo"
_LOG = logging.getLogger(__name__)


class Notices:
    """Sends them to the server at a URL; one that does not arrive changes nothing in the demo."""

    def __init__(self, url: str) -> None:
        self._url = url

    def mark(self, kind: str, text: str, service: str, scope: Mapping[str, str]) -> None:
        """Says what was changed: a release, a setting, a fix."""
        told = {"kind": kind, "text": text, "service": service, "scope": dict(scope), "by": _BY}
        self._post("/api/markers", told)

    def claim_fixed(self, note: str) -> None:
        """Says of every open incident that it is fixed; the server finds out whether it is."""
        with self._client() as client:
            try:
                answer = client.get("/api/incidents", params={"state": "open"})
                found = answer.json()["incidents"] if answer.is_success else []
            except httpx.HTTPError as error:
                _LOG.warning("incidents cannot be asked for: %s", error)
                return
        for incident in found:
            self._post(f"/api/incidents/{incident['id']}/fixed", {"by": _BY, "note": note})

    def _post(self, path: str, body: Mapping[str, Any]) -> None:
        with self._client() as client:
            try:
                answer = client.post(path, json=body)
            except httpx.HTTPError as error:
                _LOG.warning("%s cannot be reached: %s", path, error)
                return
        if answer.is_error:
            _LOG.warning("%s was refused: %s", path, answer.text)

    def _client(self) -> httpx.Client:
        return httpx.Client(base_url=self._url, timeout=10, trust_env=False)

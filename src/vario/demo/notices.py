"""What a team's own tooling tells the server: changes as they are made, and that a fix is in."""

import logging
import time
from collections.abc import Mapping
from typing import Any

import httpx

_BY = "demo"
_LOG = logging.getLogger(__name__)


_EVENTS = {"release": "deployment.finished", "config": "config.change", "fix": "fix"}


class Notices:
    """Sends them to a server; one that does not arrive changes nothing in the demo.

    Args:
        url: of the server's API.
        otlp_url: of its door for OTLP over HTTP, where changes go: a log record with the name of an
            event is what every team's tooling can send.
    """

    def __init__(self, url: str, otlp_url: str) -> None:
        self._url = url
        self._otlp_url = otlp_url

    def mark(self, kind: str, text: str, service: str, scope: Mapping[str, str]) -> None:
        """Says what was changed: a release, a setting, a fix."""
        record = {
            "timeUnixNano": str(time.time_ns()),
            "severityNumber": 9,
            "body": {"stringValue": text},
            "eventName": _EVENTS[kind],
            "attributes": _attributes({**scope, "author": _BY}),
        }
        resource = {"attributes": _attributes({"service.name": service})}
        told = {"resource": resource, "scopeLogs": [{"logRecords": [record]}]}
        self._post(f"{self._otlp_url}/v1/logs", {"resourceLogs": [told]})

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


def _attributes(values: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"key": key, "value": {"stringValue": value}} for key, value in values.items()]

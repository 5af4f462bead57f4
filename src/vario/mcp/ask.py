"""How tools ask the API, over HTTP or inside the process."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from vario.errors import BadData, Unavailable

if TYPE_CHECKING:
    import httpx


class Api:
    """vario's HTTP API, GET alone, and the address of each answer."""

    def __init__(self, client: "httpx.AsyncClient", address: str) -> None:
        """Makes an API over a client.

        Args:
            client: its base URL is where the API is asked.
            address: where people reach the server: what citations begin with.
        """
        self._client = client
        self.address = address.rstrip("/")

    async def get(self, path: str, params: Mapping[str, object]) -> Any:
        """Returns the answer, parsed.

        Raises:
            BadData: the API refuses the question or knows no such thing; the message is its own.
            Unavailable: nothing answers, or the server cannot serve now.
        """
        import httpx

        try:
            answer = await self._client.get(path, params=_given(params))
        except httpx.TransportError as error:
            raise Unavailable(f"no vario answers at {self.address} ({error})") from error
        try:
            document = answer.json()
        except ValueError as error:
            raise BadData(f"{self.address}{path} did not answer with JSON") from error
        if answer.is_success:
            return document
        said = document.get("error") if isinstance(document, dict) else None
        raise BadData(str(said or f"{path} answered with status {answer.status_code}"))

    def cite(self, path: str, params: Mapping[str, object]) -> str:
        """Returns the URL that gives the same answer again."""
        query = urlencode(_given(params), doseq=True)
        return f"{self.address}{path}" + (f"?{query}" if query else "")


def _given(params: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in params.items() if value not in (None, "")}

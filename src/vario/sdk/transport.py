"""One POST over a kept-alive connection, by the rules of OTLP/HTTP.

Source: OTLP specification 1.11, "OTLP/HTTP Response" and "Failures".
"""

import gzip
import http.client
import ssl
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from time import time
from urllib.parse import urlsplit

from vario.sdk.settings import Target

RETRYABLE = frozenset({429, 502, 503, 504})
_GZIP_LEVEL = 1  # a body of 512 spans, 106 kB: 0.4 ms to 20.5 %; level 9 takes 2.2 ms to 19.8 %


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one POST.

    `status` is None where no answer came at all. `problem` is empty on success; `is_retryable`
    tells a failure that may pass from one that will not.
    """

    status: int | None
    problem: str = ""
    is_retryable: bool = False
    retry_after_s: float = 0.0
    body: bytes = b""


class Connection:
    """A connection to one target. Used by one thread at a time; not shared across a fork."""

    def __init__(self, target: Target) -> None:
        self._target = target
        parts = urlsplit(target.url)
        self._host = parts.hostname or ""
        self._port = parts.port
        self._secure = parts.scheme == "https"
        self._path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        self._headers = {**target.headers, "content-type": "application/x-protobuf"}
        if target.gzip:
            self._headers["content-encoding"] = "gzip"
        self._http: http.client.HTTPConnection | None = None

    def post(self, body: bytes, timeout_s: float) -> Answer:
        """Returns the answer to a body, sent once more where a kept-alive connection had died.

        Args:
            body: a serialised OTLP request.
            timeout_s: the most that sending and waiting may take; the target's own limit holds too.
        """
        data = gzip.compress(body, _GZIP_LEVEL) if self._target.gzip else body
        timeout_s = min(timeout_s, self._target.timeout_s)
        was_open = self._http is not None
        try:
            return self._post(data, timeout_s)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError) as error:
            self.close()
            if not was_open:
                return Answer(None, f"{type(error).__name__}: {error}", is_retryable=True)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            return Answer(None, f"{type(error).__name__}: {error}", is_retryable=True)
        try:
            return self._post(data, timeout_s)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            return Answer(None, f"{type(error).__name__}: {error}", is_retryable=True)

    def close(self) -> None:
        """Closes the connection; the next POST opens another."""
        if self._http is not None:
            self._http.close()
            self._http = None

    def _post(self, data: bytes, timeout_s: float) -> Answer:
        if self._http is None:
            self._http = self._open(timeout_s)
        self._http.timeout = timeout_s
        if self._http.sock is not None:
            self._http.sock.settimeout(timeout_s)
        self._http.request("POST", self._path, data, self._headers)
        response = self._http.getresponse()
        body = response.read()
        if response.will_close:
            self.close()
        if 200 <= response.status < 300:
            return Answer(response.status, body=body)
        return Answer(
            response.status,
            f"HTTP {response.status} {response.reason}",
            is_retryable=response.status in RETRYABLE,
            retry_after_s=_retry_after_s(response.headers.get("retry-after", "")),
            body=body,
        )

    def _open(self, timeout_s: float) -> http.client.HTTPConnection:
        if not self._secure:
            return http.client.HTTPConnection(self._host, self._port, timeout=timeout_s)
        context = ssl.create_default_context(cafile=self._target.certificate or None)
        if self._target.client_certificate:
            context.load_cert_chain(
                self._target.client_certificate, self._target.client_key or None
            )
        return http.client.HTTPSConnection(
            self._host, self._port, timeout=timeout_s, context=context
        )


def _retry_after_s(text: str) -> float:
    """Returns the seconds that a `Retry-After` header asks for, 0 where it says nothing."""
    if not text:
        return 0.0
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time())
    except ValueError:
        return 0.0

"""Asks a target: HTTP with credentials, TLS, compression and limits."""

import asyncio
import base64
import ssl
import tempfile
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import httpx

from vario.errors import BadData, TooLarge, Unavailable, UnsupportedMedia
from vario.ingest.encoding import make_reader
from vario.ingest.scrape.config import ScrapeJob, Secret, TlsSettings
from vario.ingest.scrape.targets import Target
from vario.wire.exposition import accept_header

MAX_BODY_BYTES = 256 << 20
"""Bound on a scrape where `body_size_limit` sets none: some two million samples."""

_TLS_VERSIONS = {
    "TLS10": ssl.TLSVersion.TLSv1,
    "TLS11": ssl.TLSVersion.TLSv1_1,
    "TLS12": ssl.TLSVersion.TLSv1_2,
    "TLS13": ssl.TLSVersion.TLSv1_3,
}


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a target answered."""

    body: bytes
    content_type: str


class Fetcher:
    """Connections to the targets of one job."""

    def __init__(self, job: ScrapeJob) -> None:
        """Makes the client; nothing is asked yet.

        Raises:
            BadData: certificates cannot be read.
        """
        self._job = job
        http = job.http
        self._limit = job.limits.body_bytes or MAX_BODY_BYTES
        self._client = httpx.AsyncClient(
            verify=make_tls_context(http.tls),
            proxy=http.proxy_url or None,
            follow_redirects=http.follow_redirects,
            trust_env=False,
            timeout=httpx.Timeout(None),
            limits=httpx.Limits(
                max_connections=None,
                max_keepalive_connections=None,
                keepalive_expiry=2 * job.scrape_interval_s + 10,
            ),
        )

    async def close(self) -> None:
        """Closes every connection."""
        await self._client.aclose()

    async def fetch(self, target: Target) -> Fetched:
        """Returns what a target says now.

        Raises:
            Unavailable: it cannot be reached, does not answer in time, or not with 200.
            TooLarge: its body is over the limit.
            BadData: its body is not in the encoding that it claims, or credentials cannot be read.
            UnsupportedMedia: it is compressed in a way that was not asked for.
        """
        headers = self._headers(target)
        server_name = self._job.http.tls.server_name
        extensions = {"sni_hostname": server_name} if server_name else {}
        try:
            async with asyncio.timeout(target.timeout_s):
                request = self._client.build_request(
                    "GET", target.url, headers=headers, extensions=extensions
                )
                answer = await self._client.send(request, stream=True)
                try:
                    return await self._read(answer)
                finally:
                    await answer.aclose()
        except TimeoutError as error:
            raise Unavailable(
                f"{target.url} did not answer within scrape_timeout ({target.timeout_s:g}s)"
            ) from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            reason = str(error) or type(error).__name__
            raise Unavailable(f"{target.url} cannot be reached: {reason}") from error

    async def _read(self, answer: httpx.Response) -> Fetched:
        if answer.status_code != 200:
            raise Unavailable(
                f"the target answered HTTP {answer.status_code} {answer.reason_phrase}".rstrip()
            )
        try:
            reader = make_reader(
                answer.headers.get("content-encoding", ""), self._limit, lambda _: None
            )
            async for chunk in answer.aiter_raw():
                reader.feed(chunk)
            body = reader.finish()
        except TooLarge as error:
            raise TooLarge(
                f"the target said more than body_size_limit ({self._limit} bytes)"
            ) from error
        return Fetched(body, answer.headers.get("content-type", ""))

    def _headers(self, target: Target) -> list[tuple[str, str]]:
        http = self._job.http
        compression = "gzip" if self._job.enable_compression else "identity"
        headers = [
            ("accept", accept_header(self._job.scrape_protocols)),
            ("accept-encoding", compression),
            ("user-agent", f"vario/{version('vario')}"),
            ("x-prometheus-scrape-timeout-seconds", f"{target.timeout_s:g}"),
        ]
        if http.basic_auth:
            user = (
                f"{read_secret(http.basic_auth.username)}:{read_secret(http.basic_auth.password)}"
            )
            headers.append(("authorization", f"Basic {base64.b64encode(user.encode()).decode()}"))
        if http.authorization:
            credentials = read_secret(http.authorization.credentials)
            headers.append(("authorization", f"{http.authorization.type} {credentials}"))
        headers += [(name, read_secret(s)) for name, values in http.headers.items() for s in values]
        return headers


def read_secret(secret: Secret) -> str:
    """Returns a secret, out of its file if it is in one, blanks around it removed.

    Raises:
        BadData: the file cannot be read.
    """
    if secret.file is None:
        return secret.text
    try:
        return secret.file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadData(f"the secret in {secret.file} cannot be read: {error}") from error


def make_tls_context(tls: TlsSettings) -> ssl.SSLContext:
    """Returns the context for `tls_config`.

    Raises:
        BadData: a certificate or key cannot be read.
    """
    try:
        context = ssl.create_default_context()
        if tls.ca != Secret():
            context.load_verify_locations(cadata=read_secret(tls.ca))
        if tls.cert != Secret():
            with ExitStack() as stack:
                cert = stack.enter_context(_as_file(tls.cert))
                key = stack.enter_context(_as_file(tls.key))
                context.load_cert_chain(cert, key)
    except ssl.SSLError as error:
        raise BadData(f"a certificate or key of tls_config cannot be used: {error}") from error
    except OSError as error:
        raise BadData(f"a file of tls_config cannot be read: {error}") from error
    if tls.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    for name, value in _versions(tls).items():
        setattr(context, name, value)
    return context


def _versions(tls: TlsSettings) -> Mapping[str, ssl.TLSVersion]:
    given = {"minimum_version": tls.min_version, "maximum_version": tls.max_version}
    return {name: _TLS_VERSIONS[value] for name, value in given.items() if value}


@contextmanager
def _as_file(secret: Secret) -> Generator[Path]:
    """Gives the path of a file with the secret in it, for OpenSSL reads files alone."""
    if secret.file is not None:
        yield secret.file
        return
    with tempfile.TemporaryDirectory(prefix="vario-") as folder:
        path = Path(folder) / "secret.pem"
        path.touch(mode=0o600)
        path.write_text(secret.text, encoding="utf-8")
        yield path


FetchFault = (Unavailable, TooLarge, BadData, UnsupportedMedia)
"""What `Fetcher.fetch` raises: a scrape that failed, and nothing worse."""

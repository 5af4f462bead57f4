import asyncio
import base64
import gzip
import shutil
import ssl
import subprocess
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.exposer import TEXT, Exposer, Request, exposing

from vario.errors import BadData, TooLarge, Unavailable, UnsupportedMedia
from vario.ingest.scrape.config import (
    Authorization,
    BasicAuth,
    HttpSettings,
    Limits,
    ScrapeJob,
    Secret,
    TargetGroup,
    TlsSettings,
)
from vario.ingest.scrape.fetch import Fetched, Fetcher, make_tls_context
from vario.ingest.scrape.targets import make_targets

JOB = ScrapeJob("j", scrape_interval_s=15, scrape_timeout_s=5)


def fetch(address: str, job: ScrapeJob = JOB) -> Fetched:
    async def scene() -> Fetched:
        fetcher = Fetcher(job)
        try:
            (target,) = make_targets(job, [TargetGroup((address,), {}, "here")]).targets
            return await fetcher.fetch(target)
        finally:
            await fetcher.close()

    return asyncio.run(scene())


def test_what_is_asked():
    with exposing("a 1\n") as exposer:
        job = replace(
            JOB, params={"x": ("1", "2")}, http=HttpSettings(headers={"X-A": (Secret("b"),)})
        )
        assert fetch(exposer.address, job) == Fetched(b"a 1\n", TEXT)
        (asked,) = exposer.asked
        assert asked.path == "/metrics?x=1&x=2"
        assert asked.headers["accept"].startswith("application/openmetrics-text;version=1.0.0")
        assert asked.headers["accept-encoding"] == "gzip"
        assert asked.headers["user-agent"].startswith("vario/")
        assert asked.headers["x-prometheus-scrape-timeout-seconds"] == "5"
        assert asked.headers["x-a"] == "b"
        assert "authorization" not in asked.headers


def test_credentials(tmp_path: Path):
    (tmp_path / "password").write_text("p:ä\n")
    basic = BasicAuth(Secret("user"), Secret(file=tmp_path / "password"))
    token = Authorization("Bearer", Secret(file=tmp_path / "token"))
    with exposing() as exposer:
        fetch(exposer.address, replace(JOB, http=HttpSettings(basic_auth=basic)))
        for text in ("one", "two"):
            (tmp_path / "token").write_text(text)
            fetch(exposer.address, replace(JOB, http=HttpSettings(authorization=token)))
        said = [asked.headers["authorization"] for asked in exposer.asked]
    expected = base64.b64encode("user:p:ä".encode()).decode()
    assert said == [f"Basic {expected}", "Bearer one", "Bearer two"]
    (tmp_path / "token").unlink()
    with pytest.raises(BadData, match=r"the secret in .*token cannot be read"):
        fetch("localhost:1", replace(JOB, http=HttpSettings(authorization=token)))


def answering(exposer: Exposer, body: bytes, **headers: str) -> None:
    exposer.answer = lambda _: (200, {"content-type": TEXT, **headers}, body)


def test_compression_and_limits():
    body = b"a 1\n" * 1000
    with exposing() as exposer:
        answering(exposer, gzip.compress(body), **{"content-encoding": "gzip"})
        assert fetch(exposer.address).body == body
        small = replace(JOB, limits=Limits(body_bytes=3999))
        with pytest.raises(TooLarge, match=r"more than body_size_limit \(3999 bytes\)"):
            fetch(exposer.address, small)
        answering(exposer, b"nonsense", **{"content-encoding": "gzip"})
        with pytest.raises(BadData, match="not in content-encoding gzip"):
            fetch(exposer.address)
        answering(exposer, b"", **{"content-encoding": "br"})
        with pytest.raises(UnsupportedMedia, match="'br' is not understood"):
            fetch(exposer.address)
        fetch_plain = replace(JOB, enable_compression=False)
        answering(exposer, body)
        assert fetch(exposer.address, fetch_plain).body == body
        assert exposer.asked[-1].headers["accept-encoding"] == "identity"


def test_redirects():
    def answer(request: Request) -> tuple[int, dict[str, str], bytes]:
        if request.path == "/metrics":
            return 302, {"location": "/elsewhere"}, b""
        return 200, {"content-type": TEXT}, b"a 1\n"

    with exposing() as exposer:
        exposer.answer = answer
        assert fetch(exposer.address).body == b"a 1\n"
        staying = replace(JOB, http=HttpSettings(follow_redirects=False))
        with pytest.raises(Unavailable, match="the target answered HTTP 302 Found"):
            fetch(exposer.address, staying)


def test_what_may_go_wrong():
    with exposing() as exposer:
        exposer.say("no", status=503)
        with pytest.raises(Unavailable, match="HTTP 503 Service Unavailable"):
            fetch(exposer.address)
        gone = exposer.address
        waiting = threading.Event()

        def slow(_: Request) -> tuple[int, dict[str, str], bytes]:
            waiting.wait(10)
            return 200, {}, b""

        exposer.answer = slow
        with pytest.raises(Unavailable, match=r"did not answer within scrape_timeout \(0.1s\)"):
            fetch(gone, replace(JOB, scrape_timeout_s=0.1))
        waiting.set()
    with pytest.raises(Unavailable, match=f"http://{gone}/metrics cannot be reached"):
        fetch(gone)
    with pytest.raises(Unavailable, match="cannot be reached"):
        fetch("not a host")


def test_tls_settings_that_cannot_be_used(tmp_path: Path):
    with pytest.raises(BadData, match="cannot be used"):
        make_tls_context(TlsSettings(ca=Secret("nonsense")))
    with pytest.raises(BadData, match="cannot be used"):
        make_tls_context(TlsSettings(cert=Secret("x"), key=Secret("y")))
    with pytest.raises(BadData, match="cannot be read"):
        make_tls_context(TlsSettings(ca=Secret(file=tmp_path / "nowhere")))
    context = make_tls_context(TlsSettings(insecure_skip_verify=True, min_version="TLS13"))
    assert (context.check_hostname, context.minimum_version.name) == (False, "TLSv1_3")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for the name `inside.example`, signed by itself, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("SKIPPED LOUDLY: no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=inside", "-addext", "subjectAltName=DNS:inside.example"]
    subprocess.run(
        [*command, *names, "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True
    )
    return cert, key


def test_tls(certificate: tuple[Path, Path]):
    cert, key = certificate
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    context.load_verify_locations(cert)
    context.verify_mode = ssl.CERT_REQUIRED

    def job(tls: TlsSettings) -> ScrapeJob:
        own = replace(tls, cert=Secret(cert.read_text()), key=Secret(file=key))
        return replace(JOB, scheme="https", http=HttpSettings(tls=own))

    ca = Secret(file=cert)
    with exposing("a 1\n", tls=context) as exposer:
        named = TlsSettings(ca=ca, server_name="inside.example")
        assert fetch(exposer.address, job(named)).body == b"a 1\n"
        assert fetch(exposer.address, job(TlsSettings(insecure_skip_verify=True))).body
        with pytest.raises(Unavailable, match=r"(?i)certificate.*verify failed"):
            fetch(exposer.address, job(TlsSettings()))
        with pytest.raises(Unavailable, match=r"(?i)not valid for .127\.0\.0\.1"):
            fetch(exposer.address, job(TlsSettings(ca=ca)))

"""Reads how targets are spoken to: credentials, TLS, proxy, headers."""

from collections.abc import Callable, Mapping
from typing import Any

from vario.ingest.scrape.config import (
    Authorization,
    BasicAuth,
    HttpSettings,
    Secret,
    TlsSettings,
)
from vario.ingest.scrape.yaml_fields import Reader


def _secret(reader: Reader) -> Callable[[Any], Secret]:
    return lambda node: Secret(text=reader.text(node))


def _file(reader: Reader) -> Callable[[Any], Secret]:
    return lambda node: Secret(file=reader.path(node))


def _either(reader: Reader, node: Any, found: Mapping[str, Any], name: str) -> Secret:
    """Returns the secret under `name` or under `name_file`, of which one may be given."""
    if name in found and f"{name}_file" in found:
        raise reader.fail(node, f"at most one of {name} and {name}_file may be given")
    return found.get(name) or found.get(f"{name}_file") or Secret()


def _basic_auth(reader: Reader) -> Callable[[Any], BasicAuth]:
    def read(node: Any) -> BasicAuth:
        known = {
            "username": _secret(reader),
            "username_file": _file(reader),
            "password": _secret(reader),
            "password_file": _file(reader),
        }
        found = reader.fields(node, known, "basic_auth")
        return BasicAuth(
            _either(reader, node, found, "username"), _either(reader, node, found, "password")
        )

    return read


def _authorization(reader: Reader) -> Callable[[Any], Authorization]:
    def read(node: Any) -> Authorization:
        known = {
            "type": reader.text,
            "credentials": _secret(reader),
            "credentials_file": _file(reader),
        }
        found = reader.fields(node, known, "authorization")
        kind = found.get("type", "Bearer").strip()
        if kind.lower() == "basic":
            raise reader.fail(node, "authorization cannot be of type Basic; use basic_auth")
        return Authorization(kind, _either(reader, node, found, "credentials"))

    return read


def _tls(reader: Reader) -> Callable[[Any], TlsSettings]:
    def read(node: Any) -> TlsSettings:
        version = reader.choice(("TLS10", "TLS11", "TLS12", "TLS13"))
        known = {
            **dict.fromkeys(("ca", "cert", "key"), _secret(reader)),
            **dict.fromkeys(("ca_file", "cert_file", "key_file"), _file(reader)),
            "server_name": reader.text,
            "insecure_skip_verify": reader.boolean,
            "min_version": version,
            "max_version": version,
        }
        found = reader.fields(node, known, "tls_config")
        cert = _either(reader, node, found, "cert")
        key = _either(reader, node, found, "key")
        if (cert == Secret()) != (key == Secret()):
            raise reader.fail(node, "tls_config has one of cert and key without the other")
        return TlsSettings(
            ca=_either(reader, node, found, "ca"),
            cert=cert,
            key=key,
            server_name=found.get("server_name", ""),
            insecure_skip_verify=found.get("insecure_skip_verify", False),
            min_version=found.get("min_version", ""),
            max_version=found.get("max_version", ""),
        )

    return read


def _headers(reader: Reader) -> Callable[[Any], dict[str, tuple[Secret, ...]]]:
    def read(node: Any) -> tuple[Secret, ...]:
        known = {
            "values": reader.items(_secret(reader)),
            "secrets": reader.items(_secret(reader)),
            "files": reader.items(_file(reader)),
        }
        found = reader.fields(node, known, "http_headers")
        return tuple(secret for kind in known for secret in found.get(kind, ()))

    return reader.mapping(read)


HTTP_KEYS: dict[str, Callable[[Reader], Callable[[Any], Any]]] = {
    "basic_auth": _basic_auth,
    "authorization": _authorization,
    "bearer_token": _secret,
    "bearer_token_file": _file,
    "tls_config": _tls,
    "proxy_url": lambda reader: reader.text,
    "follow_redirects": lambda reader: reader.boolean,
    "enable_http2": lambda reader: reader.boolean,
    "http_headers": _headers,
}
"""Keys of a job that say how its targets are spoken to, and what reads each."""


def make_http(reader: Reader, node: Any, found: Mapping[str, Any], where: str) -> HttpSettings:
    """Returns the settings out of a job's values.

    Raises:
        BadData: two of them contradict each other.
    """
    ways = ("basic_auth", "authorization", "bearer_token", "bearer_token_file")
    if sum(way in found for way in ways) > 1:
        raise reader.fail(node, f"{where}: at most one of {', '.join(ways)} may be given")
    authorization: Authorization | None = found.get("authorization")
    bearer = found.get("bearer_token") or found.get("bearer_token_file")
    if bearer is not None:
        authorization = Authorization("Bearer", bearer)
    return HttpSettings(
        basic_auth=found.get("basic_auth"),
        authorization=authorization,
        tls=found.get("tls_config", TlsSettings()),
        proxy_url=found.get("proxy_url", ""),
        follow_redirects=found.get("follow_redirects", True),
        enable_http2=found.get("enable_http2", True),
        headers=found.get("http_headers", {}),
    )

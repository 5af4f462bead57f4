"""Addresses of the engine: `chdb:///folder`, `chdb://memory`, `http(s)://user:password@host/db`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit

import platformdirs

from vario.errors import BadData

DEFAULT_DATABASE = "vario"


@dataclass(frozen=True, slots=True)
class Address:
    """Where the engine is.

    Attributes:
        kind: `memory` and `folder` are embedded in this process, `server` is reached over HTTP.
        database: the database that holds vario's tables; made if it is missing.
        folder: the data folder of the embedded engine, None for the others.
    """

    kind: Literal["memory", "folder", "server"]
    database: str
    folder: Path | None = None
    host: str = ""
    port: int = 0
    secure: bool = False
    username: str = ""
    password: str = ""

    @property
    def embedded(self) -> bool:
        """True where the engine lives in this process."""
        return self.kind != "server"

    def __str__(self) -> str:
        """The address as a DSN, without its password."""
        if self.kind == "memory":
            return f"chdb://memory/{self.database}"
        if self.kind == "folder":
            return f"chdb://{self.folder}"
        scheme = "https" if self.secure else "http"
        return f"{scheme}://{self.host}:{self.port}/{self.database}"


def parse_dsn(dsn: str) -> Address:
    """Parses a DSN; an empty one means the embedded engine in the user's data folder.

    Args:
        dsn: `chdb:///folder`, `chdb://memory`, or `http(s)://user:password@host:port/database`.
            The embedded engine's database is named by `chdb:///folder?database=name` and
            `chdb://memory/name`: there is one engine in a process, but tests want many databases.

    Raises:
        BadData: the DSN has none of these forms.
    """
    if not dsn:
        return Address("folder", DEFAULT_DATABASE, default_folder())
    parts = urlsplit(dsn)
    if parts.scheme == "chdb" and parts.netloc in {"memory", ":memory:"}:
        return Address("memory", parts.path.strip("/") or DEFAULT_DATABASE)
    if parts.scheme == "chdb" and not parts.netloc and parts.path.strip("/"):
        database = parse_qs(parts.query).get("database", [DEFAULT_DATABASE])[0]
        return Address("folder", database, Path(unquote(parts.path)).resolve())
    if parts.scheme in {"http", "https"} and parts.hostname:
        secure = parts.scheme == "https"
        return Address(
            "server",
            parts.path.strip("/") or DEFAULT_DATABASE,
            host=parts.hostname,
            port=_port(parts.port, secure),
            secure=secure,
            username=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
        )
    raise BadData(
        f"store address {dsn!r} is not understood; use chdb:///folder, chdb://memory, "
        "or http(s)://user:password@host:port/database"
    )


def default_folder() -> Path:
    """The embedded engine's folder when none is named: `store` in the user's data folder."""
    return Path(platformdirs.user_data_dir("vario", appauthor=False)) / "store"


def _port(port: int | None, secure: bool) -> int:
    if port is not None:
        return port
    return 8443 if secure else 8123

"""The built UI: hashed assets that never change, and one page for every client-side route."""

import mimetypes
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, HTMLResponse, Response
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

STATIC_FOLDER = Path(__file__).parent / "static"

# A machine's own registry may say otherwise, and nosniff makes a wrong type fatal.
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}

_NOT_BUILT = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>vario</title></head>
<body><h1>vario is running, but its UI was not built</h1>
<p>Run <code>make ui</code> in the checkout and reload this page. A released wheel has the UI
in it.</p>
<p>The API works: <a href="/api/status">/api/status</a>, <a href="/api/services">/api/services</a>,
<a href="/openapi.json">/openapi.json</a>.</p></body></html>
"""


def add_ui(app: FastAPI, folder: Path = STATIC_FOLDER) -> None:
    """Serves the UI in `folder` on every path that no route of `app` has taken.

    Args:
        app: the application, with all its other routes.
        folder: what `make ui` built: `index.html`, `assets/` with hashed names, a few files.
    """
    for suffix, content_type in _TYPES.items():
        mimetypes.add_type(content_type, suffix)
    app.mount("/assets", _HashedFiles(directory=folder / "assets", check_dir=False))

    def serve_page(request: Request, path: str) -> Response:
        if path.startswith("api/"):
            raise HTTPException(404, "no such endpoint; /openapi.json lists them")
        index = folder / "index.html"
        if not index.is_file():
            return HTMLResponse(_NOT_BUILT, status_code=503)
        file = (folder / path).resolve()
        if path and file.is_relative_to(folder.resolve()) and file.is_file():
            return FileResponse(file, headers={"Cache-Control": "no-cache"})
        return FileResponse(index, headers={"Cache-Control": "no-cache"})

    app.add_api_route("/{path:path}", serve_page, methods=["GET", "HEAD"], include_in_schema=False)


class _HashedFiles(StaticFiles):
    """Files whose names change with their content: a browser may keep them for ever."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        if response.status_code == 200:
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response

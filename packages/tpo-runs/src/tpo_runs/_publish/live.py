"""The report of a run that is still training, served on this machine only."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from .._errors import ConfigError, reason_of
from .._files import digest
from .._store import Store
from .report import render
from .status import cell_states

ADDRESS = "127.0.0.1"


def serve_report(out: Path, port: int, ready: Callable[[str], object]) -> None:
    """Serve the report of a run until a signal ends the process. The page polls for a newer one.

    Port 0 stands for a free one. `ready` is called once, with the address of the page.

    Raises:
        ConfigError: there is no run, a file of it is damaged, or the port is taken.
    """
    page = LivePage(Store(out))
    page.version()
    try:
        server = _Server((ADDRESS, port), page)
    except OSError as error:
        fault = f"port {port}: {reason_of(error)}; name another one, or leave out --port for a free one"
        raise ConfigError([f"tpo-runs report: {fault}"]) from None
    with server:
        ready(server.url)
        server.serve_forever()


class LivePage:
    """The page of a store. It is rendered on request, once for each state of the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._rendered = ("", b"")

    def version(self) -> str:
        """A hash of the states of all cells, which changes when seeds complete and when a cell fails."""
        manifest = self._store.manifest()
        return digest(repr((manifest, cell_states(self._store, manifest))).encode())[:16]

    def content(self) -> tuple[str, bytes]:
        """The version of the page, and the page."""
        with self._lock:
            version = self.version()
            if version != self._rendered[0]:
                self._rendered = version, render(self._store, live=version).encode()
            return self._rendered


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], page: LivePage) -> None:
        super().__init__(address, _Handler)
        self.page = page
        self.url = f"http://{ADDRESS}:{self.server_port}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore browsers that disconnect before the response is complete."""


class _Handler(BaseHTTPRequestHandler):
    """Answers GET requests for the page, and nothing else."""

    server: _Server

    def do_GET(self) -> None:
        """Send the page, or 304 if the browser has this version already."""
        # DNS rebinding: another site's page may point its own host name at this machine.
        host = self.headers.get("Host", "")
        if host not in {f"{name}:{self.server.server_port}" for name in (ADDRESS, "localhost")}:
            return self._answer(403, b"open this page at 127.0.0.1 or localhost\n")
        if self.path != "/":
            return self._answer(404, b"there is only one page: /\n")
        try:
            version = self.server.page.version()
            if self.headers.get("If-None-Match") == f'"{version}"':
                return self._answer(304, version=version)
            version, content = self.server.page.content()
        except ConfigError as error:
            return self._answer(503, f"{error}\n".encode())
        self._answer(200, content, version=version, kind="html")

    def _answer(self, code: int, content: bytes = b"", *, version: str = "", kind: str = "plain") -> None:
        self.send_response(code)
        headers = {"Content-Type": f"text/{kind}; charset=utf-8", "X-Content-Type-Options": "nosniff"}
        headers |= {"Cache-Control": "no-store", "Content-Length": str(len(content))}
        headers |= {"ETag": f'"{version}"'} if version else {}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: the page polls every two seconds."""

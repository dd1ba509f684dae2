"""Serving the application: sockets, threads, and their limits."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable

from flask import Flask

THREADS = 8  # requests worked on at once
CONNECTIONS = 200  # open connections; further ones wait
IDLE_SECONDS = 60


class PortTaken(OSError):
    """Nothing can listen there; the message says where and why."""


def serve(app: Flask, host: str, port: int, started: Callable[[str], None]) -> None:
    """Serve until interrupted. ``started`` is called with the page's address once somebody can connect.

    Port 0 takes a free one.

    Errors    PortTaken if the address is not this machine's or the port is taken
    """
    from waitress import create_server

    from scratchnet.web.app import MOST_PICTURE_BYTES

    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # that requests wait for a thread is no news
    with _listening(host, port) as listener:
        server = create_server(
            app,
            sockets=[listener],
            threads=THREADS,
            connection_limit=CONNECTIONS,
            channel_timeout=IDLE_SECONDS,
            max_request_body_size=MOST_PICTURE_BYTES + 1024,
            max_request_header_size=16 * 1024,
            ident="scratchnet",
        )
        started(f"http://{_shown(host)}:{listener.getsockname()[1]}/")
        try:
            server.run()
        finally:
            server.close()


def _listening(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except (OSError, OverflowError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise PortTaken(f"can't listen on {host}:{port}: {reason}; choose another --port or --host") from None


def _shown(host: str) -> str:
    """The host as an address has it; a name for "all addresses of this machine"."""
    if host in ("0.0.0.0", "::", ""):
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host

"""Who may ask, and what a browser may do with the answers.

The page runs on the visitor's own machine, so other pages in the same browser are what it must be safe from:

    Host      A name that its owner points at 127.0.0.1 (DNS rebinding) would let a foreign page read answers. So the Host
              header must be an address in numbers, which can't be pointed anywhere, or a name that is known to be ours.
    Origin    A foreign page may send requests, though it can't read the answers. So a request that says which page it
              comes from must come from ours; and requests that change or cost something want a Content-Type that a browser
              does not send to strangers without asking first.
    CSP       The page loads scripts, styles and pictures from here alone, and nobody frames it.

Source    OWASP, "Cross-site request forgery prevention" and "Content security policy" cheat sheets
"""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

from flask import Flask, Response, request

from scratchnet.web.errors import ApiError

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' blob: data:; media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def is_loopback(host: str) -> bool:
    """Is this an address that only this machine reaches?"""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def own_names(host: str) -> frozenset[str]:
    """The names under which a server that listens on ``host`` may be called."""
    if is_loopback(host):
        return frozenset({"localhost"})
    machine = socket.gethostname().lower()
    return frozenset({"localhost", machine, f"{machine}.local", host.lower()})


def protect(app: Flask, names: frozenset[str]) -> None:
    """Check every request's Host and Origin, and put HEADERS on every answer."""

    def check() -> None:
        if not _is_ours(request.headers.get("Host", ""), names):
            raise ApiError(403, "bad-host", "this host name is not known; use the address in numbers, as in 127.0.0.1")
        origin = request.headers.get("Origin")
        if origin is not None and _place(origin) != _place(f"//{request.headers['Host']}"):
            raise ApiError(403, "bad-origin", "requests from other pages are refused")
        if request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin") and request.path.startswith("/api/"):
            raise ApiError(403, "bad-origin", "requests from other pages are refused")

    def complete(response: Response) -> Response:
        response.headers.update(HEADERS)
        response.headers["Cache-Control"] = "no-store" if request.path.startswith("/api/") else "no-cache"
        return response

    app.before_request(check)
    app.after_request(complete)


def _is_ours(host: str, names: frozenset[str]) -> bool:
    place = _place(f"//{host}")
    if place is None:
        return False
    name = place[0]
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name in names
    return True


def _place(url: str) -> tuple[str, int | None] | None:
    """(host, port) of an address, None if it is none."""
    try:
        parts = urlsplit(url)
        return None if not parts.hostname or parts.username is not None else (parts.hostname.lower().rstrip("."), parts.port)
    except ValueError:
        return None

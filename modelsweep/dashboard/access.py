"""Who may see and do something: everybody on this machine, or everywhere whoever knows the token.

Pages show what is wrong with somebody's models, and can start scans. Without a token they are served to this machine
alone, and only under its own names: a page elsewhere cannot reach them by having its own name lead here (DNS
rebinding). Whatever changes something has to come from these pages (`Origin`), and nothing in them is from elsewhere
(Content-Security-Policy).
"""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from collections import deque
from datetime import timedelta
from http import HTTPStatus
from urllib.parse import urlsplit

from flask import Flask, Response, abort, redirect, render_template, request, session, url_for
from flask.sessions import SecureCookieSessionInterface
from werkzeug.wrappers import Response as AnyResponse

VARIABLE = "MODELSWEEP_DASHBOARD_TOKEN"
SHORTEST = 16
"""Characters of a token."""
SIGNED_IN = timedelta(hours=12)
TRIES, TRIES_WITHIN = 10, 60.0
"""Wrong tokens in so many seconds after which nobody signs in for a while."""
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
OPEN = frozenset({"health", "static", "palette", "sign_in"})
"""Endpoints that need no token."""
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class BadToken(ValueError):
    """The token cannot be used; the sentence says why."""


class Access:
    """Guards a site by `token`; without one it answers to the names of this machine alone. Raises BadToken."""

    def __init__(self, token: str = "") -> None:
        if token and (len(token) < SHORTEST or not (token.isascii() and token.isprintable())):
            raise BadToken(
                f"{VARIABLE} must have at least {SHORTEST} ASCII characters: `openssl rand -hex 16` creates some"
            )
        self._token = token.encode()
        self._wrong: deque[float] = deque(maxlen=TRIES)
        self._lock = threading.Lock()

    @property
    def is_open(self) -> bool:
        """Whether nobody has to sign in."""
        return not self._token

    def protect(self, app: Flask) -> None:
        """Have every request to `app` checked, and every answer of it hardened."""
        app.secret_key = secrets.token_bytes(32)
        app.session_interface = _Sessions()
        app.config.update(
            SESSION_COOKIE_NAME="modelsweep",
            SESSION_COOKIE_SAMESITE="Strict",
            SESSION_REFRESH_EACH_REQUEST=False,
            PERMANENT_SESSION_LIFETIME=SIGNED_IN,
        )
        app.before_request(self._check)
        app.after_request(_hardened)
        if not self.is_open:
            app.add_url_rule("/sign-in", "sign_in", self._sign_in, methods=["GET", "POST"])
            app.add_url_rule("/sign-out", "sign_out", self._sign_out, methods=["POST"])

    def _check(self) -> AnyResponse | None:
        """Return where to sign in, None where that is not needed; aborts with 403 what may not be."""
        if self.is_open and urlsplit(f"//{request.host}").hostname not in LOOPBACK:
            abort(
                HTTPStatus.FORBIDDEN,
                f"Without a token ({VARIABLE}), this dashboard serves localhost only.",
            )
        bearer = request.authorization
        if bearer and bearer.type == "bearer" and not self.is_open:
            if not self._knows(bearer.token or ""):
                abort(HTTPStatus.FORBIDDEN, "That is not the token of this dashboard.")
            return None
        if request.method == "POST" and request.headers.get("Origin", "").partition("://")[2] != request.host:
            abort(HTTPStatus.FORBIDDEN, "This request did not come from a page of this dashboard.")
        if self.is_open or request.endpoint in OPEN or session.get("signed_in"):
            return None
        return redirect(url_for("sign_in"))

    def _knows(self, token: str) -> bool:
        """Return whether `token` is ours; wrong ones are counted, and aborted with 429 when there are many."""
        with self._lock:
            if len(self._wrong) == TRIES and time.monotonic() - self._wrong[0] < TRIES_WITHIN:
                abort(HTTPStatus.TOO_MANY_REQUESTS, "Too many wrong tokens: try again in a minute.")
            if hmac.compare_digest(token.encode("utf-8", "surrogatepass"), self._token):
                return True
            self._wrong.append(time.monotonic())
            return False

    def _sign_in(self) -> AnyResponse | tuple[str, HTTPStatus]:
        if request.method != "POST":
            return render_template("sign_in.html", wrong=False), HTTPStatus.OK
        if not self._knows(request.form.get("token", "")):
            return render_template("sign_in.html", wrong=True), HTTPStatus.FORBIDDEN
        session.permanent = True
        session["signed_in"] = True
        return redirect(url_for("jobs"))

    def _sign_out(self) -> AnyResponse:
        session.clear()
        return redirect(url_for("sign_in"))


class _Sessions(SecureCookieSessionInterface):
    """Sessions whose cookie is for TLS only where the request came by it, also to a proxy in front of us."""

    def get_cookie_secure(self, app: Flask) -> bool:
        return request.is_secure or request.headers.get("X-Forwarded-Proto") == "https"


def _hardened(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response

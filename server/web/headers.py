"""What every answer says to the browser: run nothing, load nothing from elsewhere, show this in no frame, keep nothing.

Ten literal headers, so no library is needed to write them.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask, Response, request

from server.web.config import Site

_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "accelerometer=(), camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


def policy(site: Site, *, style: str = "'self'") -> str:
    """The Content-Security-Policy. style: where style may come from ('self', or the hash of a page's own)."""
    # Chromium holds redirects after a form to form-action too: signing out goes on to the provider.
    forms = "'self'" if site.provider is None else f"'self' {origin(site.provider.issuer)}"
    return (
        f"default-src 'none'; style-src {style}; img-src 'self' data:; form-action {forms}; "
        "base-uri 'none'; frame-ancestors 'none'"
    )


def add_headers(app: Flask, site: Site) -> None:
    """Put them on every answer of this app."""

    @app.after_request
    def put(response: Response) -> Response:
        for name, value in _ALWAYS.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Content-Security-Policy", policy(site))
        if "Cache-Control" not in response.headers:
            response.headers["Cache-Control"] = "no-store"
        if site.secure:
            response.headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
        response.headers.pop("Server", None)
        response.vary.add("Cookie")
        if request.cookies.get("language") is None:
            response.vary.add("Accept-Language")
        return response


def origin(url: str) -> str:
    """Scheme, host and port of an address."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"

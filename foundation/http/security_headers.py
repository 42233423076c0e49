"""What every answer tells browsers, so that they give an attacker no hold."""

import base64
import hashlib
import re

NOTHING = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"  # for answers that are data
A_YEAR = "max-age=31536000; includeSubDomains"

_INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def security_headers(*, tls: bool) -> list[tuple[bytes, bytes]]:
    """The same for all: no guessing of types, no frames, no referrer, nothing loaded; with `tls`, https only (RFC 6797)."""
    headers = {
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "no-referrer",
    }
    if tls:
        headers["strict-transport-security"] = A_YEAR
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def policy_of_page(html: str) -> str:
    """The Content-Security-Policy of a page of ours: its own files, and of inline scripts those it has now.

    >>> policy_of_page("<script>go()</script>").split("; ")[1]
    "script-src 'self' 'sha256-5KYv+PUboo5h+0+YAtGRPbwv5d/QxzHslP4YGnUaxRw='"
    """
    hashes = [
        "'sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() + "'"
        for script in _INLINE.findall(html)
    ]
    return "; ".join(
        [
            "default-src 'none'",
            " ".join(["script-src 'self'", *hashes]),
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data:",
            "connect-src 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )

"""Where a request comes from, as the edge in front of us says; believed where the settings name its header."""

from starlette.requests import Request


def told_country(header: str | None) -> str:
    """The country of such a header, ISO 3166-1 alpha-2; "" for none: edges say XX for unknown, and T1 for Tor.

    >>> told_country("nz"), told_country("XX"), told_country("T1"), told_country(None)
    ('NZ', '', '', '')
    """
    if header is None or len(header) != 2 or not (header.isascii() and header.isalpha()):
        return ""
    return "" if (country := header.upper()) == "XX" else country


def edge_country(request: Request) -> str | None:
    """What the edge in front of us says, if one is trusted to."""
    header: str = request.app.state.settings.http.country_header
    return request.headers.get(header) if header else None

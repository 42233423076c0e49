"""The vectors port: one protocol, qdrant-edge in the process or a Qdrant server behind it."""

from urllib.parse import parse_qs, urlsplit

from foundation.engines.vectors.port import EXACT_UP_TO, Vectors
from foundation.errors import Unconfigured


def open_vectors(url: str) -> Vectors:
    """The engine a URL names: `edge://DIRECTORY`, or `qdrant://[:API_KEY@]HOST[:PORT][?tls=1]`.

    `?exact_up_to=N` lowers or raises the size from which a graph index is built. `qdrant://:memory:` and
    `qdrant:///DIRECTORY` are qdrant-client's own small engine, for tests. Raises Unconfigured otherwise.
    """
    # Each adapter is imported where it is chosen: qdrant-client alone takes a second or more.
    parts = urlsplit(url)
    exact_up_to = int(parse_qs(parts.query).get("exact_up_to", [str(EXACT_UP_TO)])[0])
    if parts.scheme == "edge" and (parts.netloc or parts.path):
        from foundation.engines.vectors.edge import EdgeVectors

        return EdgeVectors.at(f"{parts.netloc}{parts.path}", exact_up_to=exact_up_to)
    if parts.scheme == "qdrant":
        from foundation.engines.vectors.server import QdrantVectors

        return QdrantVectors.at(url, exact_up_to=exact_up_to)
    raise Unconfigured(
        "vectors are at edge://DIRECTORY or qdrant://HOST:PORT", url=parts._replace(netloc="…").geturl()
    )

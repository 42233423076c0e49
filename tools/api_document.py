"""The OpenAPI document of the whole platform, read operation by operation."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from foundation.http.problems import MEDIA_TYPE
from foundation.settings import Settings
from gateway.app import create_app

METHODS = ("get", "put", "post", "patch", "delete")
JSON = "application/json"


@dataclass(frozen=True)
class Operation:
    """What the document says of one method of one path."""

    method: str
    path: str
    told: Mapping[str, Any]

    @property
    def name(self) -> str:
        """
        >>> Operation("GET", "/api/v1/me", {}).name
        'GET /api/v1/me'
        """
        return f"{self.method} {self.path}"

    @property
    def sentence(self) -> str:
        """The first sentence of its description."""
        first = str(self.told.get("description", "")).split("\n\n")[0].replace("\n", " ")
        sentence, ends, _ = first.partition(". ")
        return sentence + ends.strip()

    @property
    def needs_token(self) -> bool:
        return self.reads_token and {} not in self.told["security"]

    @property
    def reads_token(self) -> bool:
        """Whether a token that does not hold is refused, even if none is needed."""
        return bool(self.told.get("security"))

    @property
    def role(self) -> str | None:
        """Which role the token must have; an administrator has them all."""
        role: str | None = self.told.get("x-role")
        return role

    @property
    def names_a_thing(self) -> bool:
        return "{" in self.path

    @property
    def parameters(self) -> list[Mapping[str, Any]]:
        return list(self.told.get("parameters", []))

    @property
    def is_idempotent_by_key(self) -> bool:
        return any(each["name"] == "Idempotency-Key" for each in self.parameters)

    @property
    def takes(self) -> Mapping[str, Any]:
        """Its request body by media type."""
        taken: Mapping[str, Any] = self.told.get("requestBody", {}).get("content", {})
        return taken

    @property
    def statuses(self) -> list[int]:
        return sorted(map(int, self.told["responses"]))

    @property
    def successes(self) -> list[int]:
        return [status for status in self.statuses if status < 300]

    def gives(self, status: int) -> Mapping[str, Any]:
        """Its answer of this status by media type."""
        given: Mapping[str, Any] = self.told["responses"][str(status)].get("content", {})
        return given

    @cached_property
    def refusals(self) -> Mapping[int, list[str]]:
        """The codes of the problems it may answer with, by status."""
        return {
            status: str(self.told["responses"][str(status)]["description"]).split(" · ")
            for status in self.statuses
            if MEDIA_TYPE in self.gives(status)
        }


def document() -> dict[str, Any]:
    """The document, as the gateway serves it; nothing is opened for it."""
    described: dict[str, Any] = create_app(Settings()).openapi()
    return described


def operations(document: Mapping[str, Any]) -> Iterator[Operation]:
    """Every operation in the order of the document."""
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield Operation(method.upper(), path, item[method])

"""Every body with a field that its schema does not name: refused, and nothing written (mass assignment)."""

from collections.abc import Iterator, Mapping
from typing import Any

from tests.authorisation.matrix import Gateway, Say, Verdict
from tests.authorisation.requests import ask, schemas_of, short
from tests.authorisation.table import TABLE
from tests.authorisation.world import NOBODY
from tools.api_document import JSON, Operation, operations

TEMPTING = ("is_admin", "roles", "owner_id", "user_id", "id", "password_hash", "email")
PASSED_OVER = frozenset({"POST /playlists/import"})
"""A document of a foreign format, whose readers pass over what they do not know: it may be taken, and changes nothing."""


def unnamed_fields(operation: Operation, document: Mapping[str, Any]) -> list[str]:
    """What a client might try: the usual, and whatever the answer tells that the body does not name."""
    named: set[str] = set()
    for schema in schemas_of(operation.takes[JSON]["schema"], document):
        named |= schema["properties"].keys()
    told: dict[str, None] = dict.fromkeys(TEMPTING)
    for status in operation.successes:
        for schema in schemas_of(operation.gives(status).get(JSON, {}).get("schema", {}), document):
            told |= dict.fromkeys(schema["properties"])
    return [name for name in told if name not in named]


async def run(gateway: Gateway, say: Say = lambda line: None) -> Verdict:
    """Every body with every such field, one at a time, sent by somebody who may send the rest."""
    verdict = Verdict()
    for operation in operations(gateway.document):
        if JSON not in operation.takes:
            continue
        verdict.endpoints += 1
        gateway.forget()
        world = gateway.world()
        request = ask(operation, world, gateway.document)
        name = _who_may(operation)
        before = gateway.state()
        for field in unnamed_fields(operation, gateway.document):
            answer = await gateway.send(request, world, name, {field: _tempting(field)})
            verdict.tried["unnamed fields"] += 1
            if short(operation) in PASSED_OVER:
                verdict.holes += _written(operation, field, answer.json())
            elif answer.status_code != 422:
                verdict.holes.append(
                    f"{short(operation)} takes {field}: {answer.status_code} {answer.text[:200]}"
                )
        after = gateway.state()
        changed = [table for table in before if before[table] != after[table]]
        if changed and short(operation) not in PASSED_OVER:
            verdict.holes.append(f"{short(operation)} refused a field, and changed {', '.join(changed)}")
        say(f"{short(operation)}: {len(verdict.holes)} holes so far")
    return verdict


def _who_may(operation: Operation) -> str:
    who = TABLE[short(operation)].who
    return next(name for name in ("owner", "admin", "editor", NOBODY) if name in who)


def _tempting(field: str) -> Any:
    return ["admin"] if field == "roles" else 1


def _written(operation: Operation, field: str, answer: Mapping[str, Any]) -> Iterator[str]:
    if answer.get("playlist", {}).get(field) == _tempting(field) and field not in {"version", "song_count"}:
        yield f"{short(operation)} writes {field}"

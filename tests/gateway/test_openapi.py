import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from foundation.settings import Settings
from gateway.app import create_app
from tools.api_document import JSON, Operation, document, operations

DOCUMENT = document()
KNOWN = list(operations(DOCUMENT))
each_operation = pytest.mark.parametrize("operation", KNOWN, ids=[each.name for each in KNOWN])


def schema_of(content: Mapping[str, Any]) -> dict[str, Any]:
    """A schema that finds what it refers to."""
    return {**content.get("schema", {}), "components": DOCUMENT["components"]}


def resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema:
        schema = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def examples_of(content: Mapping[str, Any]) -> Iterator[Any]:
    """What the content shows: by itself, or by the model that it is, or of the ones that it may be."""
    if "example" in content:
        yield content["example"]
    yield from (each["value"] for each in content.get("examples", {}).values())
    yield from _shown_by(content.get("schema", {}))


def _shown_by(schema: Mapping[str, Any]) -> Iterator[Any]:
    schema = resolved(schema)
    if "example" in schema:
        yield schema["example"]
    yield from schema.get("examples", ())
    for each in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from _shown_by(each)


def whole_examples_of(content: Mapping[str, Any]) -> list[Any]:
    """The same, and of a list of things without an example of its own one that holds an example of each kind of thing."""
    shown = list(examples_of(content))
    return shown or list(_composed(content.get("schema", {})))


def _composed(schema: Mapping[str, Any]) -> Iterator[Any]:
    schema = resolved(schema)
    plain = {
        "limit": 20,
        "offset": 0,
        "total": 1,
        "next_cursor": None,
    }
    told: dict[str, Any] = {}
    for name, each in schema.get("properties", {}).items():
        of = resolved(each)
        if name in plain:
            told[name] = plain[name]
        elif of.get("type") == "array":
            shown = list(_shown_by(of["items"]))
            if not shown:
                return
            told[name] = shown
        else:
            return
    if told:
        yield told


@each_operation
def test_it_says_in_a_sentence_what_it_does(operation: Operation) -> None:
    assert operation.sentence.endswith((".", "…")), operation.sentence
    assert len(operation.sentence.split()) >= 3


def test_no_two_operations_have_the_same_name() -> None:
    counted = Counter(each.told["operationId"] for each in KNOWN)

    assert [name for name, times in counted.items() if times > 1] == []


@each_operation
def test_its_json_body_is_shown_by_an_example_that_it_takes(operation: Operation) -> None:
    if JSON not in operation.takes:
        return

    shown = list(examples_of(operation.takes[JSON]))

    assert shown, "no example of the body"
    assert_valid(shown, operation.takes[JSON])


@each_operation
def test_its_json_answer_is_shown_by_an_example_of_what_it_gives(operation: Operation) -> None:
    for status in operation.successes:
        content = operation.gives(status).get(JSON)
        if content is None:
            continue

        shown = whole_examples_of(content)

        assert shown, f"no example of the answer {status}"
        assert_valid(shown, content)


def assert_valid(shown: list[Any], content: Mapping[str, Any]) -> None:
    validator = Draft202012Validator(schema_of(content), format_checker=Draft202012Validator.FORMAT_CHECKER)
    for example in shown:
        wrong = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(example)]
        assert wrong == [], json.dumps(example)


@each_operation
def test_it_tells_of_the_refusals_that_its_inputs_can_meet(operation: Operation) -> None:
    told = operation.refusals
    wanted = {500, 413, 429}
    if operation.reads_token:
        wanted.add(401)
    if operation.parameters or operation.takes:
        wanted.add(422)
    if operation.role is not None:
        wanted.add(403)

    missing = sorted(wanted - told.keys())

    assert missing == []


@each_operation
def test_a_thing_that_its_path_names_may_be_missing(operation: Operation) -> None:
    if not operation.names_a_thing:
        return

    assert 404 in operation.refusals


@each_operation
def test_a_post_that_creates_takes_an_idempotency_key(operation: Operation) -> None:
    if operation.method != "POST" or 201 not in operation.successes:
        return

    assert operation.is_idempotent_by_key


@each_operation
def test_every_parameter_has_a_schema(operation: Operation) -> None:
    unlimited = [each["name"] for each in operation.parameters if not each.get("schema")]

    assert unlimited == []


@pytest.mark.anyio
@pytest.mark.parametrize("body", [b"\xff\xfe", b'{"email": ', b"[" * 100_000, b"\x00"])
async def test_a_body_that_is_no_json_is_refused_as_the_document_says(body: bytes) -> None:
    transport = httpx.ASGITransport(create_app(Settings()), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://segue") as client:
        answer = await client.post(
            "/api/v1/auth/login", content=body, headers={"content-type": "application/json"}
        )

    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid-request"
    assert answer.json()["errors"]

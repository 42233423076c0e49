"""Documents answers that are encoded by hand: the schema that OpenAPI shows for them."""

from typing import Any

import msgspec


def openapi_schema(answer: type) -> dict[str, Any]:
    """The JSON schema of an answer with its parts written out in place, for a route that answers encoded bytes.

    >>> Point = msgspec.defstruct("Point", [("x", int), ("y", int)])
    >>> openapi_schema(Point)["required"]
    ['x', 'y']
    """
    (schema,), parts = msgspec.json.schema_components((answer,), ref_template="{name}")
    return dict(_written_out(schema, parts))


def _written_out(schema: Any, parts: dict[str, Any]) -> Any:
    if isinstance(schema, list):
        return [_written_out(each, parts) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _written_out(parts[schema["$ref"]], parts)
    return {key: _written_out(value, parts) for key, value in schema.items()}

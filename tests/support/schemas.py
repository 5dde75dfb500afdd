# SPDX-License-Identifier: Apache-2.0
"""Whether a value is as one of our JSON schemas says, so that `--schema` is no empty word."""

from __future__ import annotations

import re
from typing import Any, Final

TYPES: Final[dict[str, type | tuple[type, ...]]] = {
    "object": dict, "array": list, "string": str, "boolean": bool, "integer": int,
    "number": (int, float),
}  # fmt: skip
KNOWN: Final = {
    "$schema", "title", "description", "type", "enum", "minimum", "maximum", "minLength", "items",
    "properties", "patternProperties", "additionalProperties", "minProperties", "maxProperties",
    "anyOf", "minItems", "maxItems",
}  # fmt: skip


def fits(value: object, schema: dict[str, Any]) -> bool:
    """Whether a value is as a schema says, of those words that ours uses."""
    assert {*schema} <= KNOWN
    if "anyOf" in schema:
        return any(fits(value, one) for one in schema["anyOf"])
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if not any(isinstance(value, TYPES[kind]) for kind in kinds):
        return False
    if isinstance(value, bool):
        return "boolean" in kinds
    if isinstance(value, str):
        return len(value) >= schema.get("minLength", 0) and value in schema.get("enum", [value])
    if isinstance(value, int):
        return bool(schema.get("minimum", value) <= value <= schema.get("maximum", value))
    if isinstance(value, list):
        good = schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", 999)
        return good and all(fits(one, schema["items"]) for one in value)
    if not isinstance(value, dict):
        return True
    if not schema.get("minProperties", 0) <= len(value) <= schema.get("maxProperties", 99):
        return False
    for name, one in value.items():
        inner = [schema["properties"][name]] if name in schema.get("properties", {}) else []
        patterns = schema.get("patternProperties", {}).items()
        inner += [below for pattern, below in patterns if re.search(pattern, name)]
        if not inner or not all(fits(one, below) for below in inner):
            return False
    return True

# SPDX-License-Identifier: Apache-2.0
"""What a step of a conformance case expects, and whether an answer is that."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from vmalab import uapi
from vmalab.ops import Limit, Status
from vmalab_client import (
    BadCertificate,
    BadTarget,
    BadToken,
    BlockError,
    ClientClosed,
    FaultSignal,
    MemoryCallError,
    Result,
    ServiceError,
    UserFault,
)

U64: Final = (1 << 64) - 1
LOCAL: Final[tuple[tuple[type[Exception], str], ...]] = (
    (ClientClosed, "closed"),
    (BadTarget, "bad_target"),
    (BadCertificate, "bad_certificate"),
    (BlockError, "bad_record"),
    (BadToken, "bad_token"),
)
"""What a client refuses by itself, the special before the general."""
FAILURES: Final = ("errno", "signal", "userfault", "code", "local")


class Mismatch(Exception):
    """An answer is not what the case expects."""


@dataclass
class Answer:
    """What a step gave: what a case may ask of it."""

    value: int = 0
    text: str = ""
    names: Sequence[str] = ()
    count: int = 0
    values: Sequence[int] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)
    results: Sequence[Result] = ()
    executed: int = 0
    failed: Sequence[int] = ()


def _constants() -> dict[str, int]:
    found: dict[str, int] = {}
    for name, value in vars(uapi).items():
        if isinstance(value, int) and name.isupper():
            found[name] = value
        elif isinstance(value, Mapping):
            found |= value
    return found


CONSTANTS: Final = _constants()
Variables = Mapping[str, int]


def number(given: object, variables: Variables) -> int:
    """The number that an expression is: terms with + or | between them."""
    if isinstance(given, bool | int):
        return int(given)
    total = 0
    parts = re.split(r"\s+([+|])\s+", str(given))
    for sign, term in zip(["+", *parts[1::2]], parts[::2], strict=True):
        if term.startswith("$"):
            value = variables[term[1:]]
        elif re.fullmatch(r"-?(0x[0-9a-fA-F]+|\d+)", term):
            value = int(term, 0)
        else:
            value = CONSTANTS[term]
        total = total | value if sign == "|" else total + value
    return total


def failure(error: Exception) -> dict[str, Any]:
    """An exception of the client, in the words of the cases."""
    if isinstance(error, MemoryCallError):
        return {"errno": error.errno}
    if isinstance(error, FaultSignal):
        found = {"signal": error.signal, "si_code": error.si_code, "text": str(error)}
        return found if error.pkey is None else found | {"pkey": error.pkey}
    if isinstance(error, UserFault):
        return {"userfault": error.flags}
    if isinstance(error, ServiceError):
        return {"code": error.code, "reason": error.reason, "metadata": error.metadata}
    for kind, name in LOCAL:
        if isinstance(error, kind):
            return {"local": name}
    raise error


def same(what: str, wanted: object, got: object, variables: Variables) -> None:
    """Raises Mismatch."""
    if isinstance(got, str) and got != wanted:
        raise Mismatch(f"{what} is {got!r}, not {wanted!r}")
    if isinstance(got, int) and int(got) & U64 != number(wanted, variables) & U64:
        raise Mismatch(f"{what} is {got:#x}, not {wanted}")


def judge_failure(step: Mapping[str, Any], error: Exception, variables: Variables) -> None:
    """Raises Mismatch if the case expects another end of this step."""
    found = failure(error)
    wanted = next((name for name in FAILURES if name in step), None)
    if wanted is None or wanted not in found:
        raise Mismatch(f"it failed with {found}: {error}")
    checked = ["errno", "signal", "si_code", "userfault", "code", "reason", "local"]
    for name in [*checked, "pkey"] if "signal" in step else checked:
        if name in step:
            same(name, step[name], found.get(name, ""), variables)
    for name, value in step.get("metadata", {}).items():
        same(f"metadata {name}", value, found["metadata"].get(name, ""), variables)


def path_of(fields: Mapping[str, Any], name: str) -> object:
    """A field, or an entry of one that is a table: "limits.mms_max"."""
    found: object = fields
    for part in name.split("."):
        if not isinstance(found, Mapping) or part not in found:
            raise Mismatch(f"there is no field {name}")
        found = found[part]
    return found


def number_of(fields: Mapping[str, Any], name: str) -> int:
    """A field that is a number."""
    found = path_of(fields, name)
    if not isinstance(found, int):
        raise Mismatch(f"{name} is {found!r}, and no number")
    return int(found)


def judge(step: Mapping[str, Any], answer: Answer, variables: Variables) -> None:
    """Raises Mismatch if the case expects another answer of this step."""
    wanted = next((name for name in FAILURES if name in step), None)
    if wanted is not None:
        raise Mismatch(f"it did not fail with {wanted} {step[wanted]}")
    if "value" in step:
        same("value", step["value"], answer.value, variables)
    if "value_not" in step and answer.value == number(step["value_not"], variables):
        raise Mismatch(f"value is {answer.value}")
    if "at_least" in step and answer.value < number(step["at_least"], variables):
        raise Mismatch(f"value is {answer.value}, not {step['at_least']} or more")
    if "text" in step:
        same("text", step["text"], answer.text, variables)
    for part in step.get("contains", ()):
        if part not in answer.text and part not in answer.names:
            raise Mismatch(f"{part!r} is not in {answer.text or list(answer.names)}")
    for part in step.get("lacks", ()):
        if part in answer.text or part in answer.names:
            raise Mismatch(f"{part!r} is in {answer.text or list(answer.names)}")
    if "count" in step and answer.count != step["count"]:
        raise Mismatch(f"count is {answer.count}, not {step['count']}")
    if answer.count < step.get("count_at_least", 0):
        raise Mismatch(f"count is {answer.count}, not {step['count_at_least']} or more")
    if "values" in step:
        numbers = [number(one, variables) for one in step["values"]]
        if list(answer.values) != numbers:
            raise Mismatch(f"values are {list(answer.values)}, not {numbers}")
    judge_fields(step, answer.fields, variables)


def judge_fields(step: Mapping[str, Any], fields: Mapping[str, Any], variables: Variables) -> None:
    for name, wanted in step.get("fields", {}).items():
        same(name, wanted, path_of(fields, name), variables)
    for name, wanted in step.get("fields_not", {}).items():
        if number_of(fields, name) == number(wanted, variables):
            raise Mismatch(f"{name} is {wanted}")
    for name, wanted in step.get("fields_at_least", {}).items():
        if number_of(fields, name) < number(wanted, variables):
            raise Mismatch(f"{name} is {number_of(fields, name)}, not {wanted} or more")
    for name, wanted in step.get("bits", {}).items():
        bits = number(wanted, variables)
        if number_of(fields, name) & bits != bits:
            raise Mismatch(f"{name} is {number_of(fields, name):#x}, without all of {wanted}")
    for name, wanted in step.get("lists", {}).items():
        found = path_of(fields, name)
        missing = [one for one in wanted if not isinstance(found, Sequence) or one not in found]
        if missing:
            raise Mismatch(f"{name} has not {missing}")


def judge_result(wanted: Mapping[str, Any], result: Result, variables: Variables) -> None:
    """Raises Mismatch if one result of a block is not what the case expects."""
    if "errno" in wanted:
        same("errno", wanted["errno"], result.errno, variables)
    elif "signal" in wanted:
        same("signal", wanted["signal"], result.signal, variables)
        same("si_code", wanted["si_code"], result.si_code, variables)
        if "pkey" in wanted:
            same("pkey", wanted["pkey"], result.pkey or 0, variables)
    elif "userfault" in wanted:
        if result.userfault is None:
            raise Mismatch(f"the result {result} waits for no userfaultfd")
        same("userfault", wanted["userfault"], int(result.userfault), variables)
    elif "status" in wanted:
        if result.status != Status[wanted["status"]]:
            raise Mismatch(f"the status is {result.status}, not {wanted['status']}")
        if "limit" in wanted and result.info != Limit[wanted["limit"]]:
            raise Mismatch(f"the limit is {result.info}, not {wanted['limit']}")
    elif not result.ok:
        raise Mismatch(f"the result is {result}")
    if "value" in wanted:
        same("value", wanted["value"], result.value, variables)


def judge_block(step: Mapping[str, Any], answer: Answer, variables: dict[str, int]) -> None:
    """The results of a block; `save` puts a value into the variables. Raises Mismatch."""
    results = answer.results
    if "executed" in step and answer.executed != step["executed"]:
        raise Mismatch(f"{answer.executed} records were executed, not {step['executed']}")
    if "failed" in step and list(answer.failed) != step["failed"]:
        raise Mismatch(f"records {list(answer.failed)} failed, not {step['failed']}")
    if "good" in step:
        good = sum(result.ok for result in results)
        if good != step["good"]:
            raise Mismatch(f"{good} of {len(results)} results are good, not {step['good']}")
    if "last" in step:
        judge_result(step["last"], results[-1], variables)
    if "results" in step:
        if len(results) != len(step["results"]):
            raise Mismatch(f"there are {len(results)} results, not {len(step['results'])}")
        for at, (wanted, result) in enumerate(zip(step["results"], results, strict=True)):
            try:
                judge_result(wanted, result, variables)
            except Mismatch as error:
                raise Mismatch(f"record {at}: {error}") from None
            if "save" in wanted:
                variables[wanted["save"]] = result.value

# SPDX-License-Identifier: Apache-2.0
"""Goal: the log, the answers and the client speak of the same request.

Method: calls with and without `x-request-id`, that succeed and that fail, on a server that logs
each call; and the same on one that logs as usual.
Failure: the lines of the log, or the trailing metadata.
"""

import json
import re
from typing import Any

import grpc
import pytest

from servers import Serve, wait_for
from vmalab.v1 import memory_pb2
from vmalab.v1.memory_pb2_grpc import MemoryServiceStub
from vmalab_client import Client
from vmalab_client.errors import NoSuchAddressSpace
from vmalab_server.caller import here
from vmalab_server.endings import Endings
from vmalab_server.request import Request

MADE = re.compile(r"[0-9a-f]+-[0-9a-f]{6}-\d+")


def lines(server: Serve, **wanted: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in server.errors.splitlines() if line.startswith("{")]
    return [line for line in found if wanted.items() <= line.items()]


def failed(stub: MemoryServiceStub, given: str | None) -> tuple[grpc.RpcError, str]:
    """A call of an address space that there is not; the id that the answer names."""
    metadata = None if given is None else (("x-request-id", given),)
    with pytest.raises(grpc.RpcError) as caught:
        stub.Mmap(memory_pb2.MmapRequest(mm=1 << 40, length=4096), metadata=metadata)
    trailing = caught.value.trailing_metadata()
    (found,) = [one.value for one in trailing if one.key == "x-request-id"]
    return caught.value, str(found)


def test_a_request_has_one_id() -> None:
    with Serve("--workers", "1", "--log-level", "debug") as server:
        with grpc.insecure_channel(server.target) as channel:
            stub = MemoryServiceStub(channel)
            request = memory_pb2.CreateAddressSpaceRequest()
            stub.CreateAddressSpace(request, metadata=(("x-request-id", "order-17"),))
            assert failed(stub, "order-18")[1] == "order-18"
            _, made = failed(stub, None)
            assert MADE.fullmatch(made)
            _, other = failed(stub, "not an id")
            assert MADE.fullmatch(other), "what is no id is not repeated"
            assert other != made
        with Client(server.target) as client, pytest.raises(NoSuchAddressSpace) as missing:
            client.use(1 << 40, hold=False).mmap(4096)
        other = missing.value.request_id
        wait_for("the last line", lambda: lines(server, request_id=other))
        (good,) = lines(server, request_id="order-17")
        assert (good["code"], good["level"], good["worker"]) == ("OK", "debug", 0)
        assert good["method"] == "/vmalab.v1.MemoryService/CreateAddressSpace"
        assert good["seconds"] > 0
        (bad,) = lines(server, request_id="order-18")
        assert bad["code"] == "NOT_FOUND"
        assert lines(server, request_id=made)


def test_calls_write_no_line() -> None:
    with Serve("--workers", "1", "--hung-after", "0") as server:
        with grpc.insecure_channel(server.target) as channel:
            stub = MemoryServiceStub(channel)
            stub.CreateAddressSpace(memory_pb2.CreateAddressSpaceRequest())
            assert failed(stub, "order-19")[1] == "order-19"
        server.end()
        assert "request_id" not in server.errors


def test_lines_of_faults_are_few(capsys: pytest.CaptureFixture[str]) -> None:
    """A thousand calls that fail in a second write a line or two, which count the others."""
    endings = Endings()
    for _ in range(1000):
        here.request = Request(())
        endings.of_call("/a/B", "INTERNAL")
    here.request = None
    said = capsys.readouterr()
    assert 1 <= (said.out + said.err).count("a call failed") <= 10


def test_a_call_that_took_long_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """A unary call; a stream may last."""
    for unary in (False, True):
        endings = Endings(slow_s=10.0)
        here.request = Request(())
        endings.of_call("/a/Quick", "OK", unary=unary)
        here.request.arrived_s -= 20.0
        endings.of_call("/a/Slow", "OK", unary=unary)
        here.request = None
        said = capsys.readouterr()
        assert ("a call took long" in said.out + said.err) is unary
        assert "/a/Quick" not in said.out + said.err

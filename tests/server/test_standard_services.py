# SPDX-License-Identifier: Apache-2.0
"""Health, reflection and metrics: what others' tools find."""

import os
import queue
import urllib.request
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from servers import wait_for
from vmalab_client import Client
from vmalab_server.embedded import EmbeddedServer

SERVING = health_pb2.HealthCheckResponse.SERVING


@pytest.mark.parametrize("service", ["", "vmalab.v1.MemoryService", "vmalab.v1.InspectService"])
def test_health_is_serving(vmalab_server: EmbeddedServer, service: str) -> None:
    with grpc.insecure_channel(vmalab_server.target) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        answer = stub.Check(health_pb2.HealthCheckRequest(service=service))
        assert answer.status == SERVING


def test_who_watches_the_health_is_told_of_the_stop() -> None:
    with EmbeddedServer(workers=1) as server, grpc.insecure_channel(server.target) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        watch = stub.Watch(health_pb2.HealthCheckRequest())
        assert next(watch).status == SERVING
        server.stop()
        assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING
        watch.cancel()


def test_reflection_lists_the_services_and_their_files(vmalab_server: EmbeddedServer) -> None:
    with grpc.insecure_channel(vmalab_server.target) as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        names = set(database.get_services())
        assert {
            "vmalab.v1.MemoryService",
            "vmalab.v1.InspectService",
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection",
            "grpc.reflection.v1alpha.ServerReflection",
        } <= names
        assert "vmalab.v1.BenchService" not in names
        file: FileDescriptorProto = database.FindFileContainingSymbol("vmalab.v1.MemoryService")
        assert file.name == "vmalab/v1/memory.proto"


def test_reflection_speaks_v1_too(vmalab_server: EmbeddedServer) -> None:
    """The messages of v1 and v1alpha are the same on the wire."""
    requests: queue.SimpleQueue[reflection_pb2.ServerReflectionRequest | None]
    requests = queue.SimpleQueue()
    with grpc.insecure_channel(vmalab_server.target) as channel:
        call = channel.stream_stream(
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
            request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
            response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
        )(iter(requests.get, None))
        requests.put(reflection_pb2.ServerReflectionRequest(list_services=""))
        names = [entry.name for entry in next(call).list_services_response.service]
        assert "vmalab.v1.MemoryService" in names
        requests.put(None)


def test_metrics_are_the_segments_counters() -> None:
    with EmbeddedServer(workers=1, metrics_listen="127.0.0.1:0") as server:
        with Client(server.target) as client, client.address_space() as mm:
            mm.write(mm.mmap(4096), 1)
        with urllib.request.urlopen(f"http://{server.metrics_address}/metrics") as answer:
            text = answer.read().decode()
        assert 'vmalab_vmstat_total{name="vma_lock_success"} ' in text
        assert 'vmalab_slab_objects{cache="vm_area_struct"} ' in text
        assert 'vmalab_worker_up{worker="0"} 1.0' in text


def test_each_worker_answers_at_its_own_unix_socket(tmp_path: os.PathLike[str]) -> None:
    folder = str(tmp_path)
    with EmbeddedServer(workers=2, unix_dir=folder) as server:
        assert server.unix_targets == [f"unix:{folder}/worker-{i}.sock" for i in range(2)]
        for index, target in enumerate(server.unix_targets):
            with Client(target) as client:
                assert client.inspect.server_info().worker_index == index
        with Client(server.unix_targets) as both:
            seen = {both.inspect.server_info().worker_index for _ in range(20)}
            assert seen == {0, 1}
        assert os.stat(f"{folder}/worker-0.sock").st_uid == os.getuid()
        with pytest.raises(Exception, match="in use by another server"):
            EmbeddedServer(workers=1, unix_dir=folder).start()
        with Client(server.unix_targets[0]) as client:
            assert client.inspect.fsck(stop=True) == []
    assert os.listdir(folder) == []


def test_calls_go_to_all_workers_in_turn(vmalab_server: EmbeddedServer) -> None:
    for target in (vmalab_server.target, vmalab_server.balanced_target):
        with Client(target) as client:
            seen: list[int] = []

            def another(client: Client = client, seen: list[int] = seen) -> bool:
                seen.append(client.inspect.server_info().worker_index)
                return len(set(seen)) == 2

            wait_for("connections to both workers", another)
            seen = [client.inspect.server_info().worker_index for _ in range(20)]
            assert seen.count(0) == 10

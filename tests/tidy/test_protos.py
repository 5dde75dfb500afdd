# SPDX-License-Identifier: Apache-2.0
"""The protos: generated code is fresh, and every method has a handler and a documentation."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from patience import HANG_S
from vmalab_server.grpc_front import (
    BENCH,
    INSPECT,
    LAB,
    MEMORY,
    USERFAULTFD,
    BenchHandlers,
)
from vmalab_server.grpc_methods import snake_case
from vmalab_server.handlers import MemoryHandlers
from vmalab_server.inspect_handlers import InspectHandlers
from vmalab_server.lab_handlers import LabHandlers
from vmalab_server.streams import StreamHandlers
from vmalab_server.uffd_handlers import UserfaultfdHandlers

ROOT = Path(__file__).resolve().parents[2]


def test_generated_code_is_fresh() -> None:
    """When this fails: python protos/generate.py, and commit what it wrote."""
    command = [sys.executable, str(ROOT / "protos" / "generate.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=HANG_S)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_stale_file_is_noticed(tmp_path: Path) -> None:
    generate = runpy.run_path(str(ROOT / "protos" / "generate.py"))
    for name in ("old", "new"):
        (tmp_path / name / "vmalab").mkdir(parents=True)
        (tmp_path / name / "vmalab" / "a_pb2.py").write_text(name)
    (tmp_path / "new" / "vmalab" / "b_pb2.py").write_text("")
    stale = generate["stale"](tmp_path / "new", tmp_path / "old")
    assert stale == ["vmalab/a_pb2.py", "vmalab/b_pb2.py"]


@pytest.mark.parametrize(
    ("service", "unary", "streams"),
    [
        (MEMORY, MemoryHandlers, StreamHandlers),
        (USERFAULTFD, UserfaultfdHandlers, None),
        (INSPECT, InspectHandlers, None),
        (LAB, LabHandlers, None),
        (BENCH, BenchHandlers, BenchHandlers),
    ],
)
def test_every_method_has_a_handler(service: object, unary: type, streams: type | None) -> None:
    for method in service.methods:  # type: ignore[attr-defined]
        home = streams if method.client_streaming else unary
        assert callable(getattr(home, snake_case(method.name), None)), method.full_name
        assert method.input_type.name == f"{method.name}Request"
        assert method.output_type.name == f"{method.name}Response"


def test_every_method_is_documented() -> None:
    for path in sorted((ROOT / "protos" / "vmalab" / "v1").glob("*.proto")):
        lines = path.read_text().splitlines()
        for number, line in enumerate(lines):
            if found := re.match(r"\s+rpc (\w+)\(", line):
                assert lines[number - 1].strip().startswith("//"), f"{path.name}: {found[1]}"

# SPDX-License-Identifier: Apache-2.0
"""Goal: the benches run in their time and print what they promise.

Method: --json, and --quick or the hidden --smoke, which does as little as can be. What the figures
are is not judged, only that they are there, that they add up, and that the picture is one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from servers import vmalab
from vmalab_bench import compiled, exchange, h2load, memory, models, rcu, size, slab, space
from vmalab_bench.base import BadRequest
from vmalab_native.core import lock_models
from vmalab_native.loaded import layout
from vmalab_native.segment_file import DEPOT_BYTES, RECOUNT_BYTES


def bench(*arguments: str, scale: str = "--quick") -> dict[str, Any]:
    done = vmalab("bench", *arguments, scale, "--json")
    assert done.returncode == 0, done.stderr
    data: dict[str, Any] = json.loads(done.stdout)
    assert data["bench"] == arguments[0]
    assert data["machine"]["cores"] >= 1
    assert f"seed {data['seed']}" in done.stderr
    for aim in data.get("aims", ()):
        assert aim["met"] is None or aim["interval"][0] <= aim["value"] <= aim["interval"][1]
    return data


def is_picture(path: Path) -> bool:
    """What is in the file, not what its name says."""
    raw = path.read_bytes()
    if path.suffix == ".png":
        return raw.startswith(b"\x89PNG\r\n\x1a\n") and raw.endswith(b"IEND\xaeB`\x82")
    return ElementTree.fromstring(raw).tag == "{http://www.w3.org/2000/svg}svg"


@pytest.mark.serial
def test_fault(tmp_path: Path) -> None:
    data = bench("fault", "--plot", str(tmp_path / "fault.svg"))
    assert is_picture(tmp_path / "fault.svg")
    assert data["vmas"] == 1000
    assert data["interval"][0] <= data["ratio"] <= data["interval"][1]
    assert 0 < data["rmw_ns"] < data["fault_ns"]
    assert data["lookup"] == "walk"
    assert [row["kind"] for row in data["rows"]] == ["hit", "hit", "hit", "fresh", "cow"]
    for row in data["rows"]:
        assert row["walks_per_fault"] >= 1
        assert row["kind"] != "hit" or row["cache_walks_per_fault"] < 0.01


@pytest.mark.serial
@pytest.mark.parametrize("client", ["auto", "python"])
def test_rpc(client: str, tmp_path: Path) -> None:
    picture = tmp_path / "rpc.png"
    data = bench("rpc", "--client", client, "--plot", str(picture), scale="--smoke")
    assert is_picture(picture)
    assert data["unary_client"] in ("h2load", "python")
    assert 0.3 < data["unary_ratio"] < 3
    assert data["batch_faults_per_s"] > 10_000
    rows = [(row["block_ops"], row["answers"]) for row in data["batch"]]
    assert rows == [(1024, "all"), (1024, "failed"), (16384, "all"), (16384, "failed")]
    assert data["attached_faults_per_s"] > 10_000
    assert data["stream_over_attached"] > 0
    assert data["two_streams_over_one"] > 0
    assert data["stream_over_attached_failed_only"] > 0


@pytest.mark.long
@pytest.mark.serial
def test_loadgen(tmp_path: Path) -> None:
    """With h2load all of it; without it the rest, and the targets say what to install."""
    picture = tmp_path / "loadgen.svg"
    data = bench("loadgen", "--plot", str(picture), scale="--smoke")
    assert is_picture(picture)
    ways = [(row["mode"], row["latency"]) for row in data["own"]]
    assert ways == [("attach", "off"), ("attach", "on"), ("batch", "on"), ("unary", "on")]
    for row in data["own"]:
        assert row["bare_ns"] > 0
        assert row["over_bare"] < 50, "an operation, and not a block"
    saturation = [aim for aim in data["aims"] if "over_grpcio" in aim["name"]]
    assert len(saturation) == 4
    if not h2load.available():
        assert data["saturation"] == []
        assert all("nghttp2-client" in aim["note"] for aim in saturation)
        return
    rows = {(row["front"], row["method"]): row for row in data["saturation"]}
    assert {front for front, _ in rows} == {"bounded", "pool", "cq", "grpcio"}
    for row in rows.values():
        assert row["requests_per_s"] > 100
        assert min(row["server_us"], row["client_us"]) > 0
    assert rows["grpcio", "Echo"]["over_grpcio"] == 1


@pytest.mark.serial
def test_kernel(tmp_path: Path) -> None:
    picture = tmp_path / "kernel.png"
    data = bench("kernel", "--seed", "7", "--plot", str(picture), scale="--smoke")
    assert data["seed"] == 7
    assert is_picture(picture)
    rows = {row["kind"]: row for row in data["rows"]}
    assert list(rows) == ["fault", "pair", "touch_pair"]
    for kind, row in rows.items():
        assert row["ours_ns"] > 0
        assert row["kernel_ns"] > 100, "no system call and no fault is that fast"
        assert data[f"{kind}_ratio"] == row["ratio"] > 0
    assert rows["touch_pair"]["kernel_ns"] > rows["pair"]["kernel_ns"]


@pytest.mark.serial
def test_scaling(tmp_path: Path) -> None:
    data = bench("scaling", "--plot", str(tmp_path / "scaling.png"), scale="--smoke")
    assert is_picture(tmp_path / "scaling.png")
    rows = {(row["shape"], row["pages"], row["processes"]): row for row in data["rows"]}
    for (_, _, processes), row in rows.items():
        assert row["faults_per_s"] > 10_000
        assert row["interval"][0] <= row["over_one"] <= row["interval"][1]
        assert processes > 1 or row["over_one"] == 1
    assert ("same-vma", "fresh", 2) in rows
    two = rows["different-vmas", "present", 2]
    assert data["different_vmas_2_over_1"] == two["over_one"]


@pytest.mark.serial
def test_layouts(tmp_path: Path) -> None:
    picture = tmp_path / "layouts.svg"
    data = bench("layouts", "--vmas", "16", "--plot", str(picture), scale="--smoke")
    assert is_picture(picture)
    rows = {row["layout"]: row for row in data["rows"]}
    assert list(rows) == ["aligned", "unaligned"]
    assert rows["aligned"]["over_aligned"] == 1
    assert (rows["aligned"]["vma_bytes"], rows["aligned"]["lock_offset"]) == (256, 192)
    assert rows["unaligned"]["vma_bytes"] % 64 != 0
    for row in rows.values():
        assert 0 < row["walk_alone_ns"] < 10_000
        assert 0 < row["lock_alone_ns"] < 10_000
        assert 0 < row["fault_alone_ns"] < 10_000
        assert row["fault_beside_ns"] > 0
        assert row["neighbours"] == 16, "each VMA has one of the other address space beside it"
    assert rows["aligned"]["mb_per_100000_vmas"] == 25.0, "64 pages for 1,000, as the kernel says"
    assert data["unaligned_over_aligned"] == rows["unaligned"]["over_aligned"]


@pytest.mark.serial
@pytest.mark.parametrize(("model", "bytes_of"), [("split-rwsem", 160), ("mmap-lock", 144)])
def test_layouts_of_models_without_a_lock_in_the_vma(model: str, bytes_of: int) -> None:
    data = bench("layouts", "--vmas", "16", "--model", model, scale="--smoke")
    rows = {row["layout"]: row for row in data["rows"]}
    assert list(rows) == ["aligned", "hot-line"]
    assert (rows["aligned"]["vma_bytes"], rows["hot-line"]["vma_bytes"]) == (bytes_of, 192)
    for row in rows.values():
        assert (row["lock_offset"] is None) == (model == "mmap-lock")
        assert row["neighbours"] > 0
        assert row["fault_over_aligned"] > 0


def of_layouts(**over: tuple[float, float, float]) -> dict[str, Any]:
    """What bench layouts would print of the four cells: walk, locks, faults over aligned."""
    rows = []
    for name in exchange.CELLS:
        walk, lock, fault = over.get(name.replace("-", "_"), (1.0, 1.0, 1.0))
        keys = {"over_aligned": walk, "lock_over_aligned": lock, "fault_over_aligned": fault}
        ends = ("interval", "lock_interval", "fault_interval")
        pairs = zip(ends, keys.values(), strict=True)
        rows.append({"layout": name, **keys, **{end: [figure] * 2 for end, figure in pairs}})
    return {"model": "typesafe-rwsem", "rows": rows, "randomised": []}


@pytest.mark.parametrize(
    ("over", "said"),
    [
        ({}, "Neither the struct nor the lock shows: 1 times, 1 times"),
        (
            {"lock_among_hot_aligned": (1.0, 2.5, 1.0)},
            "It is the lock that must be aligned: 2.5 times;",
        ),
        (
            {"lock_isolated_unaligned": (1.0, 1.0, 3.0)},
            "It is the struct that must be aligned: 3 times;",
        ),
        (
            {"lock_among_hot_aligned": (1.3, 2.5, 1), "lock_isolated_unaligned": (1, 1, 3)},
            "Both must be aligned: a lock among the hot fields costs 2.5 times, a roaming",
        ),
        ({"lock_among_hot_unaligned": (9.0, 9.0, 9.0)}, "Neither"),
    ],
)
def test_the_title_says_what_the_figures_say(
    over: dict[str, tuple[float, float, float]], said: str
) -> None:
    """Of the four layouts the two that have one of the two aligned decide."""
    assert exchange.finding(of_layouts(**over)).startswith(said)


def test_what_was_said_stands_beside_a_figure_of_this_run() -> None:
    data = of_layouts(lock_among_hot_aligned=(1.0, 2.5, 1.0))
    said = {words: figure for _, words, figure in exchange.said(data)}
    assert (
        "lock-among-hot-aligned 2.50 (2.50-2.50)"
        in said["is it the struct or the lock that is to be aligned?"]
    )
    assert not [words for words in said if "pad behind the lock" in words], "not measured: not said"


@pytest.mark.serial
def test_size(tmp_path: Path) -> None:
    data = bench("size", "--plot", str(tmp_path / "size.png"), scale="--smoke")
    assert is_picture(tmp_path / "size.png")
    assert [(row["vmas"], row["order"]) for row in data["rows"]] == [
        (10, "address"), (10, "random"), (10, "alone"),
        (1000, "address"), (1000, "random"), (1000, "alone"), (1000, "cold"),
    ]  # fmt: skip
    assert all(row["steps"] == row["tree_height"] + 4 + 3 for row in data["rows"])
    assert all(row["cache_ns"] > 0 and row["walk_over_cache"] > 0 for row in data["rows"])
    last = data["rows"][-1]
    assert data["random_last_over_first"] > 0
    parts = sum(last["slab_bytes_per_vma"].values()) + last["table_bytes_per_vma"]
    frame = next(one for one in layout(space.DEFAULT_MODEL, "aligned") if one.name == "frame")
    each = frame.size + RECOUNT_BYTES + DEPOT_BYTES
    assert last["frame_bytes_per_vma"] == pytest.approx(each, rel=0.05)
    assert last["bytes_per_vma"] == pytest.approx(parts + each, rel=0.05)
    assert all(row["pairs_per_s"] > 0 and row["fault_ns"] > 0 for row in data["rows"])


@pytest.mark.serial
def test_slab(tmp_path: Path) -> None:
    """Sizes and reuse are exact; of the times only that they are there."""
    data = bench("slab", "--model", "embedded-rwsem", "--model", "typesafe-rwsem",
                 "--seed", "3", "--plot", str(tmp_path / "slab.svg"), scale="--smoke")  # fmt: skip
    assert is_picture(tmp_path / "slab.svg")
    sizes = {(row["model"], row["freeptr"]): row for row in data["sizes"]}
    for model in ("embedded-rwsem", "typesafe-rwsem"):
        pages = [sizes[model, freeptr]["pages_per_1000_vmas"] for freeptr in slab.POINTERS]
        assert pages == [64, 80, 64]
    assert sizes["typesafe-rwsem", "none"]["mib_per_100000_vmas"] == 25.0
    times = {(row["model"], row["setting"]): row for row in data["times"]}
    assert ("embedded-rwsem", "ctor=page") in times
    assert not any("ctor" in setting for model, setting in times if model == "typesafe-rwsem")
    for (model, setting), row in times.items():
        assert row["deferred_share"] == (model == "embedded-rwsem")
        assert row["one_ns"] > 0
        assert setting or row["one_over_usual"] == 1
    reuse = {(row["model"], row["setting"], row["freer"]): row for row in data["reuse"]}
    own = reuse["typesafe-rwsem", "", "own"]
    assert own["reused_share"] > 0.9
    assert own["distance_median"] < 5 < reuse["embedded-rwsem", "", "own"]["distance_median"]
    assert reuse["typesafe-rwsem", "magazine=8", "own"]["by_other_share"] > 0
    for (_, _, freer), row in reuse.items():
        assert freer != "handed" or row["by_other_share"] == 1
    stack = {row["model"]: row for row in data["stack"]}["typesafe-rwsem"]
    assert (stack["lock_free_after_fields"], stack["lock_free_after_all"]) == (0, stack["vmas"])
    own, shared = data["alike"]
    assert (own["setting"], own["by_other_share"]) == ("merge=no", 0)
    assert shared["by_other_share"] > 0.2
    assert own["pages_most"] > shared["pages_most"] >= -(-data["alike_live"] // 128)
    alike = {row["cache"]: row["with"] for row in data["merging"] if row["with"]}
    assert alike == {
        "anon_vma_chain": ["vma_numab_state"],
        "vma_numab_state": ["anon_vma_chain"],
    }
    said = [claim["said"] for claim in data["claims"]]
    assert "SLAB_NO_MERGE was added, and dropped with type-safe reuse." in said
    assert not [text for text in said if "5.5 MB" in text], "split-rwsem was not measured"


def test_caches_that_may_share_slabs() -> None:
    """The kernel's rule, on caches that differ in one thing."""
    plain = slab.CacheFacts("plain", 64, 0, 0)
    same = slab.CacheFacts("same", 64, 0, 0)
    assert plain.shares(same)
    assert same.shares(plain)
    for other in (
        slab.CacheFacts("larger", 128, 0, 0),
        slab.CacheFacts("accounted", 64, slab.ACCOUNT, 0),
        slab.CacheFacts("typesafe", 64, slab.TYPESAFE, 0),
        slab.CacheFacts("asked", 64, slab.NO_MERGE, 0),
        slab.CacheFacts("constructed", 64, 0, 1),
    ):
        assert not plain.shares(other), other
        assert not other.shares(plain), other


def test_tree_height() -> None:
    """Against trees whose nodes are counted here."""
    assert size.tree_height(1, 1.0) == 1
    assert size.tree_height(20, 1.0) == 1
    assert size.tree_height(21, 1.0) == 2
    assert size.tree_height(20 * 12 * 12, 1.0) == 3
    assert size.node_fill(20 * 12, 13) == pytest.approx(1, abs=0.02)
    leaves, inner = 3600, 600 + 100 + 17  # half full
    assert size.node_fill(10 * leaves, leaves + inner) == pytest.approx(0.5, abs=0.02)


@pytest.mark.serial
def test_models(tmp_path: Path) -> None:
    picture = tmp_path / "models.png"
    data = bench("models", "--model", "typesafe-rwsem", "--plot", str(picture), scale="--smoke")
    assert is_picture(picture)
    assert data["models"] == ["typesafe-rwsem"]
    assert len(data["rows"]) == 2 * 2 * (3 + 2) + 2, "shapes, processes, writers by kind of page"
    for row in data["rows"]:
        assert row["faults_per_s"] > 0
        assert row["faults_per_s_per_cpu"] > 0
        assert row["ratio_to_split"] is None, "there is nothing to compare with"
        assert row["deferred_frees"] in (None, 0)
        written = row["writer"] != "none"
        assert (row["writes_per_s"] or 0) > 0 if written else row["writes_per_s"] is None
        assert (row["immediate_reuses"] > 0) == written, "a writer reuses what it unmapped"


def test_models_judged() -> None:
    """The aims, with figures made up: twice the faults of the split lock, ten times those of
    mmap-lock with a writer, and a free that was deferred where none may be."""
    speed = {"mmap-lock": 10.0, "split-rwsem": 50.0, "typesafe-rwsem": 100.0}
    config = models.ModelsBench(tuple(speed), processes=(1,))
    cells = [("own-vma", "present", 1, writer) for writer in ("none", "area")]
    got = {
        (model, cell): models._Measured([speed[model.split()[0]]] * 3, [1.0] * 3, [7.0] * 3, 1, 2)
        for model in [*speed, *(f"{one} cache" for one in speed)]
        for cell in cells
    }
    data = models._judged(config, cells, got, 1)
    row = next(row for row in data["rows"] if row["model"] == "typesafe-rwsem")
    assert (row["ratio_to_split"], row["interval"]) == (2, [2, 2])
    assert {aim["name"]: (aim["value"], aim["met"]) for aim in data["aims"]} == {
        "typesafe-rwsem / split-rwsem": (2, False),
        "typesafe-rwsem deferred": (2, False),
        "split-rwsem / mmap-lock": (5, True),
        "typesafe-rwsem / mmap-lock": (10, True),
    }


@pytest.mark.parametrize(
    "models",
    [
        [model for model in lock_models() if model != "split-rwsem"],
        pytest.param(lock_models(), marks=pytest.mark.long),
    ],
)
def test_memory(models: list[str], tmp_path: Path) -> None:
    """With split-rwsem a layout is compiled that nothing else needs: the long run has it."""
    picture = tmp_path / "memory.svg"
    named = [word for model in models for word in ("--model", model)]
    data = bench("memory", *named, "--plot", str(picture), scale="--smoke")
    assert is_picture(picture)
    rows = {(row["model"], row["layout"]): row for row in data["rows"]}
    assert len(rows) == len(data["rows"])
    kernel = {key: memory.KERNEL_PAGES[key] for key in rows if key in memory.KERNEL_PAGES}
    assert ("typesafe-rwsem", "aligned") in kernel
    for key, row in rows.items():
        assert row["vma_objects"] == data["vmas"]
        assert row["lock_objects"] == (data["vmas"] if row["lock_bytes"] else 0)
        assert row["pages_per_1000_vmas_measured"] <= row["pages_per_1000_vmas"] * 1.1
        slab = row["pages_per_1000_vmas_measured"] * 4096 / 1000
        assert row["bytes_per_vma"] >= slab + row["tree_bytes_per_vma"] - 1
        assert row["pages_per_1000_vmas"] == kernel.get(key, row["pages_per_1000_vmas"])


@pytest.mark.serial
def test_rcu(tmp_path: Path) -> None:
    data = bench("rcu", "--plot", str(tmp_path / "rcu.png"), scale="--smoke")
    assert is_picture(tmp_path / "rcu.png")
    rows = {(row["library"], row["flavour"]): row for row in data["rows"]}
    assert {("vmalab", "membarrier"), ("vmalab", "fenced")} <= set(rows)
    for row in rows.values():
        assert row["read_ns"] > 0
        assert all(row[f"sync_{readers}_ns"] > 0 for readers in (0, 1, 2))
    if data["liburcu"] is None:
        assert "liburcu-dev" in data["liburcu_missing"]
        assert data["ratios"] == []
    else:
        assert {("liburcu", flavour) for flavour in data["liburcu"]} <= set(rows)
        assert data["ratios"]


@pytest.mark.serial
def test_rcu_without_liburcu(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str, **_: object) -> Path:
        raise compiled.NoProgram(f"{name}: no such file: urcu.h")

    monkeypatch.setattr(compiled, "compiled", refuse)
    data = rcu.run(rcu.RcuBench.smoke(), seed=1)
    assert data["liburcu"] is None
    assert "apt-get install liburcu-dev" in data["liburcu_missing"]
    assert "urcu.h" in data["liburcu_missing"]
    assert rcu.tables(data)


def test_no_room() -> None:
    """What does not fit into /dev/shm is refused before anything is made, with the remedy."""
    with pytest.raises(BadRequest, match="remount"), space.segment(need_bytes=1 << 60):
        pytest.fail("it was made")


def test_without_a_compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The message says what to install; nothing is left that a later run could take for done."""
    monkeypatch.setattr(compiled, "BUILD", tmp_path / "build")
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(compiled.NoProgram, match="install gcc"):
        compiled.compiled("kernel")
    monkeypatch.setenv("CC", "/bin/false")
    with pytest.raises(compiled.NoProgram, match="/bin/false"):
        compiled.compiled("kernel")
    assert not list((tmp_path / "build").iterdir())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing"], "nothing"),
        (["rpc", "--client", "pigeon"], "pigeon"),
        (["kernel", "--plot", "kernel.jpg"], ".png or .svg"),
        (["kernel", "--plot", "/nowhere/at/all.png"], "cannot write"),
        (["kernel", "--model", "wishful"], "typesafe-rwsem"),
        (["layouts", "--model", "split-rwsem", "--layout", "padded"], "no layout 'padded'"),
        (["layouts", "--layout", "aligned", "--layout", "heap"], "random:SEED"),
        (["layouts", "--layout", "packed"], "--layout aligned"),
        (["fault", "--vmas", "0"], "--vmas"),
        (["fault", "--seed", "-2"], "--seed"),
    ],
)
def test_usage(arguments: list[str], said: str) -> None:
    done = vmalab("bench", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.serial
def test_events(tmp_path: Path) -> None:
    picture = tmp_path / "events.svg"
    data = bench("events", "--plot", str(picture), scale="--smoke")
    assert is_picture(picture)
    assert [row["kind"] for row in data["rows"]] == ["hit", "fresh", "pair"]
    for row in data["rows"]:
        assert min(row["on_ns"], row["off_ns"]) > 0
    (aim,) = data["aims"]
    assert (aim["at_most"], aim["value"]) == (1.03, data["ratio"])

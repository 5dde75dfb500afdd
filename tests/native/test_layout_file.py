# SPDX-License-Identifier: Apache-2.0
"""Layouts that are files.

Goal: a file means one struct, for everybody. What is wrong with one is said with its line and key.
What is right with one is what the compiler makes of it (pahole: test_layout.py), the core of it
works, and who attaches later gets the same core without the file.

Method: errors by changing one thing in a good file; one core, of a file with an extra field for
each who can touch one, and a look into the segment after each has touched it.
"""

import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from patience import HANG_S
from servers import vmalab
from vmalab_bench import records
from vmalab_native import cores, layout_file
from vmalab_native.core import Segment, SegmentConfig, fingerprint, layout
from vmalab_native.errors import CoreMissing, InvalidArgument

MINE = Path(__file__).parent / "layout_of_a_test.toml"
GOOD = MINE.read_text()
MODEL = "typesafe-rwsem"
PAGE = 4096
BASE = 0x1000_0000_0000
HEADER = Path(__file__).parents[2] / "native" / "include" / "vmalab" / "vma_layout.h"


def line_of(text: str, part: str) -> int:
    """The number of the first line that has it."""
    return next(at for at, line in enumerate(text.splitlines(), 1) if part in line)


def refused(text: str) -> str:
    with pytest.raises(layout_file.LayoutFileError) as wrong:
        layout_file.parse(text, where="f.toml", stem="f")
    return str(wrong.value)


@pytest.mark.parametrize(
    ("old", "new", "at", "said"),
    [
        ('"vm_end"', '"vm_ende"', '"vm_ende"', "group 1, fields: there is no field 'vm_ende'"),
        ('"vm_end"', '"vm_start"', '"vm_start"', "fields: 'vm_start' is there twice, first in"),
        ('"rare6"', '"vm_mm"', "", "group 3, fields: 'vm_mm' is there twice"),
        ('"rare6",', "", "", "no group has rare6"),
        ('"lock", ', "", "", "no group has the lock"),
        ("align = 64", "align = 48", "align = 48", "align: 48 is not a power of two from 16"),
        ("align = 64", "align = 8", "align = 8", "align: 8 is not a power of two from 16"),
        ("align = 64", 'align = "64"', 'align = "64"', "align: '64' is no whole number"),
        ("align = 64", "", "", "give where objects begin"),
        ("pad = 64", "pad = 63", "pad = 63", "group 2, pad: 63 is not a power of two from 1"),
        ("pad = 64", "padding = 64", "padding = 64", "group 2, padding: there is no such key"),
        ("bytes = 24", "bytes = 2000", "bytes = 2000", "extra 3, bytes: 2000, allowed are 1"),
        ("bytes = 24", "bytes = 900", "align = 64", "the struct has 1152 bytes, allowed are 1024"),
        ('type = "u32"', 'type = "u31"', "u31", "extra 1, type: 'u31' is no type; there are u8"),
        ('type = "u32"', "", 'name = "seen"', "give a type or a number of bytes"),
        (
            '"fault", "walk"',
            '"faults"',
            '"faults"',
            "extra 1, touched_by: 'faults' touches nothing",
        ),
        ("touched_by = []", "", "", "line 32, extra 3, touched_by: give a list of names"),
        ('name = "seen"', 'name = "vm_mm"', 'name = "vm_mm"', "extra 1, name: 'vm_mm' is a member"),
        ('name = "changes"', 'name = "seen"', "", "extra 2, name: 'seen' is there twice"),
        ("align = 64", "align = 64\nmodels = ['vmalab']", "models =", "no lock model 'vmalab'"),
        ("align = 64", "align = 64\nmodels = []", "models =", "no lock model ''; there are mmap"),
        ("[[extra]]", "[extra]", "", "no TOML"),
        ("[[group]]", "[group", "", "no TOML"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(old: str, new: str, at: str, said: str) -> None:
    assert old in GOOD
    text = GOOD.replace(old, new, 1)
    message = refused(text)
    assert said in message
    assert message.startswith("f.toml")
    assert "line" in message
    if at:
        assert f"line {line_of(text, at)}," in message


def test_the_last_place_of_a_field_that_is_there_twice_is_named() -> None:
    text = GOOD.replace('"vm_end",', '"vm_end",\n  "vm_start",', 1)
    after = line_of(text, "vm_end") + 1
    assert f"line {after}, group 1" in refused(text)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="No such file"):
        cores.check(MODEL, str(tmp_path / "nowhere.toml"))
    (tmp_path / "raw.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidArgument, match="no UTF-8 text"):
        cores.check(MODEL, str(tmp_path / "raw.toml"))
    with pytest.raises(InvalidArgument, match="name split-rwsem in its `models`"):
        cores.check("split-rwsem", str(MINE))
    with pytest.raises(InvalidArgument, match="there are aligned, hot-line; one of your own"):
        cores.check("mmap-lock", "padded")


def test_a_name_is_of_what_the_file_says_not_of_how(tmp_path: Path) -> None:
    mine = layout_file.read(MINE)
    same = tmp_path / MINE.name
    same.write_text("# a remark\n" + GOOD.replace("text =", "text  =  "))
    assert layout_file.read(same).name == mine.name
    assert layout_file.NAME.fullmatch(mine.name)
    for old, new in (("pad = 64", "pad = 128"), ('"fault", "walk"', '"fault"'), ("24", "32")):
        other = layout_file.parse(GOOD.replace(old, new, 1), where="", stem=MINE.stem)
        assert other.name != mine.name, new
    assert len(cores.lab_layout(layout_file.read(MINE).name)) < 32, "a segment's header has no room"


def test_another_layout_of_the_same_name_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name has a part of the hash. Should two have the same part, the second has to go."""
    monkeypatch.setattr(cores, "FOLDER", tmp_path)
    name = cores.named(str(MINE))
    copy = tmp_path / f"{name.replace(':', '-')}.toml"
    assert copy.read_text() == GOOD
    copy.write_text(GOOD.replace("pad = 64", "pad = 128"))
    with pytest.raises(InvalidArgument, match="another layout of the same name"):
        cores.named(str(MINE))


def test_a_name_without_its_file_says_what_to_do() -> None:
    with pytest.raises(CoreMissing, match="Give the file once: vmalab layout"):
        cores.ensure(MODEL, "file:nobody-00000000")


def test_the_fields_are_those_of_the_header() -> None:
    """A file must name each. With the bytes of its type, which the core asserts as well."""
    sizes = {"u64": 8, "u32": 4, "vl_ref": 4, "u16": 2}
    found = {
        name: sizes[kind]
        for kind, name in re.findall(
            r"^#define F_\w+\s+(u64|u32|u16|vl_ref) (\w+);", HEADER.read_text(), re.M
        )
    }
    assert found == dict(layout_file.FIELDS)


def test_the_files_of_the_package_are_what_they_are_called() -> None:
    """The four cells, and the field that was added: where the lock is, and where objects begin."""
    files = {name: layout_file.read(cores.FILES / f"{name}.toml") for name in cores.shipped()}
    files = {name: file for name, file in files.items() if MODEL in file.models}
    assert len(files) == 5
    for name, file in files.items():
        at = {one.name: one for one in layout_file.placed(file, MODEL)}
        size, lock = layout_file.struct_bytes(file, MODEL), at["lock"]
        assert (file.align == 64) == ("unaligned" not in name), name
        assert (size % 64 == 0) == ("unaligned" not in name), "aligned by accident"
        beside = {one.name for one in at.values() if one.offset // 64 == lock.offset // 64}
        beside -= {"lock", *(one.name for one in at.values() if one.pad)}
        if "among-hot" in name:
            assert {"vm_start", "vm_end"} <= beside, name
        else:
            assert beside == ({"added_later"} if name == "field-in-padding" else set()), name
        assert cores.layouts("refcount").count(name) == 1
        assert name not in cores.layouts("split-rwsem")


def test_the_files_of_the_models_without_a_lock_in_the_vma() -> None:
    """What a fault reads is on one line, and of split-rwsem the name of the lock is there or not; a
    lock model has the fields that it has, at no other place."""
    hot = {"vm_start", "vm_end", "vm_flags", "page_prot", "vm_mm"}
    for model, name, size in (
        ("mmap-lock", "hot-line", 192),
        ("split-rwsem", "hot-line", 192),
        ("split-rwsem", "lock-named-hot", 192),
    ):
        assert name in cores.layouts(model)
        file = layout_file.read(cores.FILES / f"{name}.toml")
        at = {one.name: one.offset for one in layout_file.placed(file, model)}
        assert layout_file.struct_bytes(file, model) == size
        assert all(at[field] < 64 for field in hot)
        assert ("vm_lock_seq" in at) == ("lock" in at) == (model == "split-rwsem")
        assert model == "mmap-lock" or (at["lock"] < 64) == (name == "lock-named-hot")
    assert "hot-line" not in cores.layouts(MODEL)
    assert "lock-named-hot" not in cores.layouts("mmap-lock")
    assert cores.layouts("v4-1") == cores.layouts("split-rwsem")


@pytest.mark.parametrize("model", ["mmap-lock", "split-rwsem"])
def test_a_layout_of_a_model_without_a_lock_in_the_vma(model: str, tmp_path: Path) -> None:
    """Its core has the fields where the file has them, the calls answer as the kernel does, and
    who writes to a VMA touches a field that says so."""
    path = tmp_path / "mine.toml"
    shipped = (cores.FILES / "hot-line.toml").read_text()
    field = '[[extra]]\nname = "seen"\ntype = "u32"\ntouched_by = ["fault", "change", "walk"]\n'
    path.write_text(shipped.replace('"vm_end",', '"vm_end", "seen",') + field)
    file = layout_file.read(path)
    done = vmalab("diff", "--ops", "200", "--seed", "1", "--model", model, "--layout", str(path))
    assert done.returncode == 0, done.stdout + done.stderr
    (vma,) = [one for one in layout(model, file.name) if one.name == "vm_area_struct"]
    want = [one.offset for one in layout_file.placed(file, model)]
    assert [one.offset for one in vma.fields] == want
    assert next(one.offset for one in vma.fields if one.name == "seen") == 16


def test_a_whole_struct_is_shuffled_by_its_seed(tmp_path: Path) -> None:
    """Each field once, the same for a seed, and not within groups alone."""
    program = HEADER.parents[2] / "random_layout.py"

    def body(*words: str) -> list[str]:
        done = subprocess.run(
            [sys.executable, program, *words], capture_output=True, text=True, check=True,
            timeout=HANG_S,
        )  # fmt: skip
        return re.findall(r"\bF_\w+|VMA_LOCK_FIELD", done.stdout)

    groups, whole = body("7"), body("7", "whole")
    assert whole == body("7", "whole") != body("8", "whole")
    assert sorted(whole) == sorted(groups)
    hot = set(groups[:10])
    assert any({*body(str(n), "whole")[:10]} != hot for n in range(3))
    cores.check(MODEL, "random-whole:7")
    with pytest.raises(InvalidArgument, match="random-whole:SEED"):
        cores.check(MODEL, "random-whole:4294967296")


# --- the core of a file ---


@pytest.fixture(scope="module")
def segment() -> Iterator[Segment]:
    config = SegmentConfig(
        size_bytes=32 << 20, mms_max=8, participants_max=8, frames_max=1 << 12, files_max=8,
        model=MODEL, layout=str(MINE),
    )  # fmt: skip
    made = Segment.create(f"lf-{secrets.token_hex(4)}", config)
    try:
        yield made
    finally:
        made.unlink()
        made.close()


def test_fields_are_where_the_file_has_them(segment: Segment) -> None:
    name = segment.config.layout
    (vma,) = [one for one in layout(MODEL, name) if one.name == "vm_area_struct"]
    file = layout_file.read(MINE)
    want = [(one.name.replace("lock", "vm_lock") if one.name == "lock" else one.name, one.offset)
            for one in layout_file.placed(file, MODEL)]  # fmt: skip
    assert [(one.name, one.offset) for one in vma.fields] == want
    assert vma.size == layout_file.struct_bytes(file, MODEL)


def test_who_attaches_needs_the_name_alone(segment: Segment) -> None:
    """Another process, in another folder, with the header of the segment and nothing else."""
    program = (
        "import sys; from vmalab_native.core import Segment, fingerprint\n"
        "with Segment.attach(sys.argv[1]) as s, s.participant('client') as p:\n"
        "    layout = s.config.layout\n"
        "    print(layout, fingerprint(s.config.model, layout), p.mm_create() > 0)"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", program, segment.instance],
        cwd="/", capture_output=True, text=True, timeout=HANG_S, check=False,
    )  # fmt: skip
    assert done.stdout.split() == [
        *(segment.config.layout, str(fingerprint(MODEL, str(MINE))), "True"),
    ], done.stderr


def test_extra_fields_are_touched_by_whom_the_file_says(segment: Segment) -> None:
    """A fault and a walk load one, which nothing shows but their machine code; a change stores: the
    lower half of the stamp is in the object, and moves with each change."""
    (vma,) = [one for one in layout(MODEL, segment.config.layout) if one.name == "vm_area_struct"]
    at = {one.name: one.offset for one in vma.fields}
    raw = Path(f"/dev/shm/vmalab.{segment.instance}")

    def stamps(mm: int) -> tuple[int, int]:
        """Of the VMA: the whole stamp, and what the extra field has."""
        image = raw.read_bytes()
        want = BASE.to_bytes(8, "little") + (BASE + PAGE).to_bytes(8, "little")
        for found in re.finditer(re.escape(want), image):
            head = found.start() - at["vm_start"]
            word = image[head + at["vm_mm"] : head + at["vm_mm"] + 8]
            if int.from_bytes(word, "little") == mm:
                stamp = image[head + at["vm_lock_seq"] : head + at["vm_lock_seq"] + 4]
                extra = image[head + at["changes"] : head + at["changes"] + 2]
                return int.from_bytes(stamp, "little"), int.from_bytes(extra, "little")
        raise AssertionError("no object with that range and address space")

    with segment.participant("client") as participant:
        mm = participant.mm_create()
        records.fill(participant, mm, [BASE], PAGE)
        seen = []
        for _ in range(2):
            assert participant.bench_loop("write", mm, [BASE], 0).failed == 0
            stamp, extra = stamps(mm)
            assert extra == stamp & 0xFFFF != 0
            seen.append(stamp)
        assert seen[1] > seen[0], "each change is another stamp"
        for loop in ("fault", "walk"):
            assert participant.bench_loop(loop, mm, [BASE], 0).failed == 0
        assert stamps(mm)[1] == seen[1] & 0xFFFF
        assert participant.fsck() == []


def test_a_fault_and_a_walk_load_what_they_are_said_to(segment: Segment) -> None:
    """In the machine code: op_fault and the walk have an instruction with the offset of the field,
    which the core of the same model in the layout `aligned` does not have."""
    (vma,) = [one for one in layout(MODEL, segment.config.layout) if one.name == "vm_area_struct"]
    offset = next(one.offset for one in vma.fields if one.name == "seen")

    def loads(name: str, function: str) -> bool:
        core = cores.file_of(MODEL, name)
        done = subprocess.run(
            ["objdump", "-d", "--no-show-raw-insn", f"--disassemble={function}", str(core)],
            capture_output=True, text=True, timeout=HANG_S, check=True,
        )  # fmt: skip
        return bool(re.search(rf"mov\s+{offset:#x}\(%r\w+\),%e\w+", done.stdout))

    for function in ("op_fault", "vl_bench_loop"):
        assert loads(segment.config.layout, function), function
        assert not loads("aligned", function), function


def test_the_calls_of_such_a_core_answer_as_the_kernel_does() -> None:
    """A random program, run for real and here. It names the seed."""
    done = vmalab("diff", "--ops", "300", "--seed", "1", "--layout", str(MINE))
    assert done.returncode == 0, done.stdout + done.stderr


def test_commands_take_a_file_and_say_what_is_wrong_with_one(tmp_path: Path) -> None:
    done = vmalab("layout", "--layout", str(MINE), "vm_area_struct")
    assert f"/* {MODEL}, {cores.named(str(MINE))} */" in done.stdout
    assert re.search(r"u16 +changes; .*who write-locks stores it", done.stdout)
    bad = tmp_path / "bad.toml"
    bad.write_text(GOOD.replace("pad = 64", "pad = 65"))
    for command in ("layout", "serve", "diff"):
        done = vmalab(command, "--layout", str(bad))
        assert done.returncode == 2, command
        assert "bad.toml, line" in done.stderr
        assert "group 2, pad: 65 is not a power of two" in done.stderr


def test_the_example_of_the_page_is_a_layout() -> None:
    page = (HEADER.parents[3] / "docs" / "models.md").read_text()
    (example,) = re.findall(r"^```toml\n(.*?)^```$", page, re.M | re.S)
    file = layout_file.parse(example, where="docs/models.md", stem="example")
    assert [extra.name for extra in file.extras] == ["counter"]

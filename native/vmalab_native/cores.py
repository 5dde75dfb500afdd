# SPDX-License-Identifier: Apache-2.0
"""Which cores there are: lock models, their layouts, and the shared objects built for them.

A core is everything of native/src compiled for one lock model and one layout of vm_area_struct. The
default layout of each model is built with the package; any other is built when it is first asked
for, which takes some seconds, a C compiler, make, and the source tree. So is each step of the
history: a lock model as it was at one point of the series and of the kernel.

A layout can also be a file (layout_file.py). Those of the folder `layouts` have the names of their
files. One of the caller's own is given by its path; `named` keeps a copy beside the cores, under
the name that segments know it by, so that who attaches later needs no path.
"""

import fcntl
import os
import re
import shutil
import signal
import sys
from functools import cache
from pathlib import Path
from typing import Final, Literal, cast, get_args

from vmalab_native import layout_file
from vmalab_native.errors import CoreMissing, InvalidArgument

Lookup = Literal["walk", "cache"]
FOLDER: Final = Path(
    os.environ.get("VMALAB_CORES") or Path(__file__).resolve().parent / "cores"
).resolve()
"""Where the shared objects are: beside the package, or in the folder that VMALAB_CORES names."""
SOURCES: Final = Path(__file__).resolve().parents[1]
DEFAULT_MODEL: Final = "typesafe-rwsem"
DEFAULT_LAYOUT: Final = "aligned"
LAB: Final = "-lab"
"""Ends the name of a layout whose core has sync points, mutants and ghost state."""
VIRTUAL: Final = "-virtual"
"""Ends the name of a layout whose core runs on virtual CPUs."""
RANDOM_SEED_MAX: Final = 2**32 - 1
FILES: Final = Path(__file__).resolve().parent / "layouts"
"""The layouts that are files of the package."""
_EMBEDDED: Final = (
    *("aligned", "padded", "packed", "unaligned", "pair"),
    *("random:SEED", "random-whole:SEED"),
)
_LAYOUTS: Final[dict[str, tuple[str, ...]]] = {
    "mmap-lock": ("aligned",),
    "split-rwsem": ("aligned", "wide"),
    "embedded-rwsem": _EMBEDDED,
    "typesafe-rwsem": _EMBEDDED,
    "refcount": _EMBEDDED,
}
_STEPS: Final = {
    "v3": "typesafe-rwsem",
    "v4-1": "split-rwsem",
    "v4-2": "embedded-rwsem",
    "v4-3": "embedded-rwsem",
    "v4-4": "typesafe-rwsem",
    "refcount-7.0": "refcount",
}
"""The steps of the history, oldest first, and the lock model that each is compiled as but for its
own header (native/Makefile: FAMILY_*)."""


def lock_models() -> list[str]:
    """The lock models, oldest first."""
    return list(_LAYOUTS)


def steps() -> list[str]:
    """The steps of the history that are cores of their own, oldest first. `--model` takes them."""
    return list(_STEPS)


def family(model: str) -> str:
    """The lock model that a step is nearly; of a lock model itself."""
    return _STEPS.get(model, model)


def all_models() -> list[str]:
    """Lock models and steps."""
    return [*_LAYOUTS, *_STEPS]


def default_model() -> str:
    """VMALAB_MODEL of the environment, else typesafe-rwsem."""
    return os.environ.get("VMALAB_MODEL") or DEFAULT_MODEL


def default_layout() -> str:
    """VMALAB_LAYOUT of the environment, else aligned."""
    return os.environ.get("VMALAB_LAYOUT") or DEFAULT_LAYOUT


def lookup_of(name: str) -> Lookup:
    """A way to look VMAs up by its name. Raises InvalidArgument."""
    if name not in get_args(Lookup):
        raise InvalidArgument(f"lookup = {name!r}, allowed are {', '.join(get_args(Lookup))}")
    return cast("Lookup", name)


def default_lookup() -> Lookup:
    """VMALAB_LOOKUP of the environment, else walk. Raises InvalidArgument: it is neither."""
    return lookup_of(os.environ.get("VMALAB_LOOKUP") or "walk")


def default_lab() -> bool:
    """Whether VMALAB_LAB of the environment asks for the lab core."""
    return os.environ.get("VMALAB_LAB", "").lower() in ("1", "true", "t", "yes", "y", "on")


def lab_layout(layout: str) -> str:
    """The same layout of the lab core."""
    return layout.removesuffix(LAB) + LAB


def virtual_layout(layout: str) -> str:
    """The same layout of the core for virtual CPUs."""
    return layout.removesuffix(VIRTUAL) + VIRTUAL


@cache
def shipped() -> tuple[str, ...]:
    """The layouts that are files of the package."""
    return tuple(sorted(path.stem for path in FILES.glob(f"*{layout_file.SUFFIX}")))


def layouts(model: str) -> list[str]:
    """The layouts of a lock model that have a name; SEED stands for any seed of 0..2^32-1.

    Raises:
        InvalidArgument: there is no such model.
    """
    if family(model) not in _LAYOUTS:
        raise InvalidArgument(
            f"there is no lock model {model!r}; there are {', '.join(_LAYOUTS)}; "
            f"and steps of the history: {', '.join(_STEPS)}"
        )
    files = shipped() if family(model) in layout_file.MODELS else ()
    return [*_LAYOUTS[family(model)], *files]


def named(layout: str) -> str:
    """The name of a layout: of a file the one that a segment has, of any other its own.

    A copy of the file stays beside the cores.

    Raises:
        InvalidArgument: the file says no layout; with its line. Or the copy cannot be made.
    """
    path = layout.removesuffix(LAB).removesuffix(VIRTUAL)
    lab = layout[len(path) :]
    if not path.endswith(layout_file.SUFFIX):
        return layout
    try:
        wanted = layout_file.read(Path(path))
        copy = _copy_of(wanted.name)
        if not copy.exists():
            FOLDER.mkdir(exist_ok=True)
            new = copy.with_suffix(f".{os.getpid()}")
            shutil.copyfile(path, new)
            new.replace(copy)
        elif layout_file.read(copy).digest() != wanted.digest():
            raise InvalidArgument(
                f"{path}: {copy} is another layout of the same name: rename yours"
            )
    except layout_file.LayoutFileError as wrong:
        raise InvalidArgument(str(wrong)) from None
    except OSError as error:
        raise InvalidArgument(f"{path}: no copy of it in {FOLDER}: {error.strerror}") from None
    return wanted.name + lab


def _copy_of(layout: str) -> Path:
    return FOLDER / f"{layout.replace(':', '-')}{layout_file.SUFFIX}"


def check(model: str, layout: str) -> None:
    """Raises InvalidArgument unless the model has that layout, or can have it if it is a file."""
    there = layouts(model)
    layout = named(layout).removesuffix(LAB).removesuffix(VIRTUAL)
    if layout in there and ":" not in layout:
        return
    found = re.fullmatch(r"(random|random-whole):(0|[1-9]\d*)", layout)
    if found and f"{found[1]}:SEED" in there and int(found[2]) <= RANDOM_SEED_MAX:
        return
    able = model in layout_file.MODELS
    if able and layout_file.NAME.fullmatch(layout):
        return
    more = f"; one of your own is the path of a {layout_file.SUFFIX} file" if able else ""
    names = ", ".join(there)
    raise InvalidArgument(f"there is no layout {layout!r} of {model}; there are {names}{more}")


def file_of(model: str, layout: str) -> Path:
    """Where the shared object of a core is, built or not; layout: a name."""
    return FOLDER / f"{model}.{layout.replace(':', '-')}.so"


def ensure(model: str, layout: str) -> str:
    """Builds the core unless it is there. The name of its layout, which may be given as a file.

    Raises:
        InvalidArgument: no such model or layout.
        CoreMissing: it is not there and cannot be built here; says why.
    """
    layout = named(layout)
    check(model, layout)
    target = file_of(model, layout)
    if target.exists():
        return layout
    what = f"{model}, {layout}"
    if (
        layout.startswith("file:")
        and not _copy_of(layout.removesuffix(LAB).removesuffix(VIRTUAL)).exists()
    ):
        raise CoreMissing(
            f"{what}: it was made from a file that is not known here. Give the file once: "
            f"vmalab layout --model {model} --layout FILE.toml"
        )
    if not (SOURCES / "Makefile").exists():
        raise CoreMissing(f"{what}: this installation has no sources to build it from")
    missing = [tool for tool in ("make", os.environ.get("CC", "gcc")) if not shutil.which(tool)]
    if missing:
        raise CoreMissing(f"{what}: {' and '.join(missing)} not found, which build it")
    FOLDER.mkdir(exist_ok=True)
    with (FOLDER / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            print(f"vmalab: building the core of {what}", file=sys.stderr, flush=True)
            _make(target.stem, what)
    return layout


def _make(core: str, what: str) -> None:
    jobs = len(os.sched_getaffinity(0))
    environment = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    import subprocess

    with subprocess.Popen(
        [
            *("make", "-C", str(SOURCES), f"-j{jobs}", f"CORES={core}", f"OUT={FOLDER}"),
            f"PYTHON={sys.executable}",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        process_group=0,
    ) as build:
        try:
            said, _ = build.communicate()
        except BaseException:  # we are told to end: make removes what it has not finished
            os.killpg(build.pid, signal.SIGTERM)
            raise
    if build.returncode != 0:
        raise CoreMissing(f"{what}: building it failed:\n{said[-2000:]}")

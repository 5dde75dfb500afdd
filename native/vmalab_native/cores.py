# SPDX-License-Identifier: Apache-2.0
"""Which cores there are: lock models, their layouts, and the shared objects built for them.

A core is everything of native/src compiled for one lock model and one layout of vm_area_struct. The
default layout of each model is built with the package; any other is built when it is first asked
for, which takes some seconds, a C compiler, make, and the sources. So is each step of the
history: a lock model as it was at one point of the series and of the kernel. An installed package
keeps what it builds in the user's cache folder (places.py).

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
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final, Literal, cast, get_args

from vmalab_native import layout_file, places
from vmalab_native.errors import CoreMissing, InvalidArgument

Lookup = Literal["walk", "cache"]
FOLDER: Final = Path(
    os.environ.get("VMALAB_CORES") or Path(__file__).resolve().parent / "cores"
).resolve()
"""Where the shared objects are: beside the package, or in the folder that VMALAB_CORES names."""
_APART: Final = places.INSTALLED and not os.environ.get("VMALAB_CORES")
"""What is built on demand does not go into FOLDER."""
_TOOLS: Final = {"make": "make", "gcc": "gcc libc6-dev"}
"""What builds a core, and the packages of Debian that have it."""
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


@cache
def shipped_for(model: str) -> tuple[str, ...]:
    """Those of them that are for a lock model."""
    files = {name: layout_file.read(FILES / f"{name}{layout_file.SUFFIX}") for name in shipped()}
    return tuple(name for name, file in files.items() if model in file.models)


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
    return [*_LAYOUTS[family(model)], *shipped_for(family(model))]


def named(layout: str) -> str:
    """The name of a layout: of a file the one that a segment has, of any other its own.

    A copy of the file stays beside the cores that are built on demand.

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
            copy.parent.mkdir(parents=True, exist_ok=True)
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
        folder = built_in()
        raise InvalidArgument(f"{path}: no copy of it in {folder}: {error.strerror}") from None
    return wanted.name + lab


def _copy_of(layout: str) -> Path:
    return built_in() / f"{layout.replace(':', '-')}{layout_file.SUFFIX}"


def check(model: str, layout: str) -> None:
    """Raises InvalidArgument unless the model has that layout, or can have it if it is a file."""
    there = layouts(model)
    path = Path(layout.removesuffix(LAB).removesuffix(VIRTUAL))
    layout = named(layout).removesuffix(LAB).removesuffix(VIRTUAL)
    if path.suffix == layout_file.SUFFIX:
        models = layout_file.read(path).models
        if family(model) not in models:
            raise InvalidArgument(
                f"{path} is for {', '.join(models)}: name {family(model)} in its `models`, "
                "or choose one of these"
            )
    if layout in there and ":" not in layout:
        return
    found = re.fullmatch(r"(random|random-whole):(0|[1-9]\d*)", layout)
    if found and f"{found[1]}:SEED" in there and int(found[2]) <= RANDOM_SEED_MAX:
        return
    if layout_file.NAME.fullmatch(layout):
        return
    more = f"one of your own is the path of a {layout_file.SUFFIX} file"
    names = ", ".join(there)
    raise InvalidArgument(f"there is no layout {layout!r} of {model}; there are {names}; {more}")


def file_of(model: str, layout: str) -> Path:
    """Where the shared object of a core is, built or not; layout: a name."""
    name = f"{model}.{layout.replace(':', '-')}.so"
    there = FOLDER / name
    return there if not _APART or there.exists() else built_in() / name


def built_in() -> Path:
    """The folder where cores go that are built on demand. It may be missing.

    Raises:
        CoreMissing: as places.cache_folder().
    """
    return places.build_folder() / "cores" if _APART else FOLDER


def objects_in() -> Path:
    """The folder of the objects that cores are linked from."""
    return built_in() / "objects" if places.INSTALLED else places.build_folder() / "cores"


@contextmanager
def building(what: str) -> Iterator[None]:
    """Alone among all processes that build cores here.

    Raises:
        CoreMissing: it cannot be built here; says why, and what to install.
    """
    if not (places.SOURCES / "Makefile").exists():
        raise CoreMissing(f"{what}: this installation has no sources to build it from")
    tools = ("make", os.environ.get("CC", "gcc"))
    missing = [tool for tool in tools if not shutil.which(tool)]
    if missing:
        packages = " ".join(_TOOLS[tool] for tool in missing if tool in _TOOLS)
        remedy = f" (Debian: apt-get install {packages})" if packages else ""
        raise CoreMissing(
            f"{what}: {' and '.join(missing)} not found; {' and '.join(tools)} build it{remedy}"
        )
    folder = built_in()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    except OSError as error:
        remedy = "XDG_CACHE_HOME" if _APART else "VMALAB_CORES"
        raise CoreMissing(
            f"{what}: it cannot be built in {folder} ({error.strerror}): name another folder in "
            f"{remedy}"
        ) from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


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
    with building(what):
        if not target.exists():
            print(f"vmalab: building the core of {what}", file=sys.stderr, flush=True)
            make(f"CORES={target.stem}", what=what)
    return layout


def make(*arguments: str, what: str) -> None:
    """Calls the Makefile of the cores; inside building().

    Raises:
        CoreMissing: it failed; with what it said.
    """
    jobs = len(os.sched_getaffinity(0))
    environment = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    import subprocess

    with subprocess.Popen(
        [
            *("make", "-C", str(places.SOURCES), f"-j{jobs}", f"PACKAGE={places.PACKAGE}"),
            *(f"OUT={built_in()}", f"O={objects_in()}", f"PYTHON={sys.executable}", *arguments),
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

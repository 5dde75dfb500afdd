# SPDX-License-Identifier: Apache-2.0
"""Goal: an installed package builds into the user's cache folder, under a name that no other
sources share, and says what is missing.

Method: a folder that looks like an installed package, with a few files. Real packages are installed
by release/tests. A failure shows the folder or the message.
"""

from pathlib import Path

import pytest

from vmalab_native import cores, places
from vmalab_native.errors import CoreMissing


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package, and an empty cache folder beside it."""
    made = tmp_path / "site" / "vmalab_native"
    (made / "sources" / "src" / "base").mkdir(parents=True)
    (made / "layouts").mkdir()
    (made / "layouts" / "one.toml").write_text("text = 'one'\n")
    (made / "layout_file.py").write_text("")
    for name, text in (("VERSION", "9.8.7\n"), ("Makefile", "all:\n"), ("src/base/a.c", "int a;")):
        (made / "sources" / name).write_text(text)
    monkeypatch.setattr(places, "PACKAGE", made)
    monkeypatch.setattr(places, "SOURCES", made / "sources")
    monkeypatch.setattr(places, "INSTALLED", True)
    monkeypatch.setattr(cores, "_APART", True)
    monkeypatch.setattr(cores, "FOLDER", made / "cores")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr(places, "build_folder", places.build_folder.__wrapped__)
    return made


def test_the_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """$XDG_CACHE_HOME if it is a whole path, as its specification says; else ~/.cache."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for named in ("", "relative/folder"):
        monkeypatch.setenv("XDG_CACHE_HOME", named)
        assert places.cache_folder() == tmp_path / ".cache" / "vmalab"
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert places.cache_folder() == Path("/somewhere/vmalab")


def test_other_sources_have_another_folder(package: Path, tmp_path: Path) -> None:
    first = places.build_folder()
    assert first.parent == tmp_path / "cache" / "vmalab"
    assert first.name.startswith("9.8.7-")
    seen = {first}
    for name in ("sources/src/base/a.c", "sources/Makefile", "layouts/one.toml", "layout_file.py"):
        path = package / name
        path.write_text(f"{path.read_text()} ")
        seen.add(places.build_folder())
    (package / "sources" / "src" / "base" / "a.c").rename(package / "sources" / "src" / "b.c")
    seen.add(places.build_folder())
    (package / "sources" / "VERSION").write_text("9.8.8\n")
    seen.add(places.build_folder())
    assert len(seen) == 7, "each change, and each name, counts"
    (package / "sources" / "__pycache__").mkdir()
    (package / "sources" / "__pycache__" / "x.pyc").write_text("compiled")
    assert places.build_folder() in seen


def test_a_core_of_the_package_goes_first(package: Path) -> None:
    """What came with it is used where it is; all else is in the cache folder."""
    (package / "cores").mkdir()
    shipped = package / "cores" / "refcount.aligned.so"
    shipped.write_text("")
    assert cores.file_of("refcount", "aligned") == shipped
    other = cores.file_of("refcount", "random:7")
    assert other == places.build_folder() / "cores" / "refcount.random-7.so"


def test_a_missing_tool_is_named_with_its_package(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CoreMissing, match=r"make and gcc not found.*apt-get install make gcc libc"):
        cores.ensure("refcount", "random:7")
    assert not (tmp_path / "cache").exists()
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(CoreMissing, match="make and no-such-compiler not found"):
        cores.ensure("refcount", "random:7")


def test_a_folder_that_cannot_be_made(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(CoreMissing, match="XDG_CACHE_HOME"):
        cores.ensure("refcount", "random:7")


def test_without_sources(package: Path) -> None:
    (package / "sources" / "Makefile").unlink()
    with pytest.raises(CoreMissing, match="no sources"):
        cores.ensure("refcount", "random:7")

# SPDX-License-Identifier: Apache-2.0
"""Builds the package vmalab-client: vmalab_client, and the generated modules of the protos (the
Python package vmalab). All of it is Python.

In the tree those are in protos/python; a source distribution has them beside this file. The version
is that of the whole tree, in its pyproject.toml.
"""

import re
import shutil
import tomllib
from pathlib import Path

from setuptools import setup
from setuptools.command.sdist import sdist

HERE = Path(__file__).resolve().parent
TREE = HERE.parents[1]
IN_TREE = not (HERE / "vmalab").is_dir()
GENERATED = "../../protos/python/vmalab" if IN_TREE else "vmalab"


class WithGenerated(sdist):
    """A source distribution that has the generated modules inside."""

    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        super().make_release_tree(base_dir, [name for name in files if not name.startswith("..")])
        if IN_TREE:
            left_out = shutil.ignore_patterns("__pycache__")
            shutil.copytree(HERE / GENERATED, Path(base_dir) / "vmalab", ignore=left_out)


def version() -> str:
    if IN_TREE:
        pyproject = tomllib.loads((TREE / "pyproject.toml").read_text(encoding="utf-8"))
        return str(pyproject["project"]["version"])
    found = re.search(r"^Version: (.+)$", (HERE / "PKG-INFO").read_text(encoding="utf-8"), re.M)
    assert found is not None
    return found[1]


def page() -> str:
    """README.md with links that lead somewhere on the page of an index too."""
    text = (HERE / "README.md").read_text(encoding="utf-8")
    pyproject = tomllib.loads((HERE / "pyproject.toml").read_text(encoding="utf-8"))
    source = f"{pyproject['project']['urls']['Source']}/clients/python"
    return re.sub(r"\]\((?![a-z]+:|#)", f"]({source}/", text)


setup(
    version=version(),
    long_description=page(),
    long_description_content_type="text/markdown",
    packages=["vmalab", "vmalab.v1", "vmalab.load", "vmalab.load.v1", "vmalab_client"],
    package_dir={"": ".", "vmalab": GENERATED},
    package_data={"": ["py.typed", "*.pyi"]},
    include_package_data=False,
    cmdclass={"sdist": WithGenerated},
)

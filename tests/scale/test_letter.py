# SPDX-License-Identifier: Apache-2.0
"""Goal: the cover letter is asked of a modelled machine, and the answer is what came out.

Method: the command on small runs; sentences and pictures of figures that are given. How to read a
failure: the place of the lock that is named came out otherwise.
"""

import json
from pathlib import Path

import pytest

from servers import vmalab
from vmalab_scale import letter, machine
from vmalab_scale.letter import PLACES, Figure

PNG = b"\x89PNG"


def figure(place: str, on: list[float], off: list[float], vcpus: int = 12) -> Figure:
    return Figure(place, "present-each", vcpus, on, off)


def test_what_the_prefetcher_slows_is_said() -> None:
    found = [
        figure("split", [7.0, 7.4], [10.0, 10.0]),
        figure("split", [9.0, 9.0], [10.0, 10.0], vcpus=4),
        figure("embedded", [9.0, 11.0], [10.0, 10.0]),
        figure("padded", [9.9, 9.9], [10.0, 10.0]),
        figure("unaligned", [12.0, 12.0], [10.0, 10.0]),
    ]
    said = letter.finding(found)
    assert said.endswith("slows split to 0.72, and not embedded or padded or unaligned")
    on, off = letter.over_split(found, "embedded", "present-each", 12)
    assert off.value == pytest.approx(1.0)
    assert (on.low, on.high) == pytest.approx((9 / 7, 11 / 7.4), rel=1e-4)
    assert letter.finding(found[2:]) == "The adjacent-line prefetcher slows no place of the lock"


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_the_picture_has_every_place(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"letter{suffix}"
    found = [figure(place, [9.0, 8.0], [10.0, 9.0]) for place in PLACES]
    on = machine.read(letter.MACHINE)
    letter.draw(found, path, on, "vmalab scale letter")
    data = path.read_bytes()
    letter.draw_over(found, tmp_path / f"over{suffix}", on, "vmalab scale letter")
    over = (tmp_path / f"over{suffix}").read_bytes()
    if suffix == ".png":
        assert data.startswith(PNG)
        assert over.startswith(PNG)
    else:
        text = data.decode()
        assert "on over off" in text
        assert all(place in text for place in PLACES)
        assert "published: pft" in over.decode()
        assert "published -14.95 and -4.07 %" in over.decode().replace("\n", " ")


@pytest.mark.long
def test_the_prefetcher_pairs_the_locks_of_neighbours_and_not_embedded_ones() -> None:
    """On pages that are there: locks of 40 bytes lie within 128, those in the VMA do not."""
    options = ("--work", "present-each", "--vcpus", "12", "--seeds", "1", "--operations", "300")
    done = vmalab("scale", "letter", "--json", *options)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["figures"]
    change = {row["place"]: row["on"][0] / row["off"][0] for row in rows}
    assert change["split"] < 0.9
    assert change["embedded"] == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--work", "no"), "--work no: there are present-one, present-each"),
        (("--out", "/no/such/folder"), "there is no such folder"),
        (("--vcpus", "600"), "--vcpus 600"),
        (("--machine", "pdp11"), "there is no machine 'pdp11'"),
    ],
)
def test_what_cannot_be_drawn_says_why(options: tuple[str, str], says: str) -> None:
    done = vmalab("scale", "letter", *options)
    assert done.returncode == 2
    assert says in done.stderr

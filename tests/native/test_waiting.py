# SPDX-License-Identifier: Apache-2.0
"""Goal: from what participants announce it is found who waits for whom, and who holds all up.

Method: rows as a segment gives them, written by hand; the trees are compared with what the locks
say. A failure shows the tree as text.
"""

from vmalab.ops import Op
from vmalab_native.records import LockInfo, ParticipantInfo
from vmalab_native.waiting import DEPTH_MAX, Ages, Tree, chain, forest, hung, lines, tasks, tree_row

MMAP, VMA = ("mmap_lock", 65537, 0, 0), ("vm_lock", 65537, 0x1000, 0x3000)
GONE = ("vm_lock", 0, 0, 0)
SECOND = 1_000_000_000


def lock(who: int, of: tuple[str, int, int, int], mode: str, state: str) -> LockInfo:
    name, mm, start, end = of
    return LockInfo(who, 100 + who, name, mode, state, mm, start, end)


def participant(
    who: int,
    *,
    blocked: bool = False,
    reads_rcu: bool = False,
    inside: bool = True,
    rcu: int = 0,
) -> ParticipantInfo:
    return ParticipantInfo(
        index=who, pid=100 + who, tid=100 + who, start_time=1, pid_namespace=0, alive=True,
        role="client", comm=f"c{who}", in_core=inside, blocked=blocked, rcu_active=reads_rcu,
        leases=0, op=Op.MUNMAP, rcu=rcu,
    )  # fmt: skip


def trees(
    locks: list[LockInfo],
    *,
    readers: tuple[int, ...] = (),
    blocked: tuple[int, ...] = (),
    ages: dict[int, tuple[int, int]] | None = None,
    stopped: tuple[int, ...] = (),
) -> list[Tree]:
    """The forest of participants 1 to 9. ages: by participant, of operation and wait, in s."""
    waiting = {one.participant for one in locks if one.state == "waiting"} | set(blocked)
    infos = [
        participant(who, blocked=who in waiting, reads_rcu=who in readers) for who in range(1, 10)
    ]
    known = {
        who: Ages(operation * SECOND, wait * SECOND)
        for who, (operation, wait) in (ages or {}).items()
    }
    states = dict.fromkeys(stopped, "stopped")

    def state(info: ParticipantInfo) -> str:
        return states.get(info.index, "")

    return forest(tasks(infos, locks, lambda who: known.get(who, Ages()), state))


def shape(tree: Tree) -> tuple[int, list[object]]:
    return tree.task.participant, [shape(under) for under in tree.waiters]


def test_a_chain_and_its_root() -> None:
    """3 waits for 2's VMA lock, 2 waits for 1, who waits for nobody."""
    (found,) = trees(
        [
            lock(1, MMAP, "W", "held"),
            lock(2, VMA, "R", "held"),
            lock(2, MMAP, "R", "waiting"),
            lock(3, VMA, "W", "waiting"),
            lock(4, MMAP, "W", "waiting"),
        ],
        ages={1: (12, 0), 2: (11, 11), 3: (5, 5), 4: (20, 9)},
    )
    assert shape(found) == (1, [(2, [(3, [])]), (4, [])])
    assert not found.circle
    longest = found.longest()
    assert longest is not None
    assert longest.participant == 2
    (third,) = [task for task in found.below() if task.participant == 3]
    assert [task.participant for task in chain(found, third)] == [3, 2, 1]
    text = "\n".join(lines(found))
    assert "pid 101 (client c1, participant 1): in munmap for 12.0 s, holds mmap_lock W" in text
    assert "│  └─ pid 103 (client c3, participant 3)" in text
    assert "waits for vm_lock W 1000-3000 of mm 65537 for 5.0 s" in text
    row = tree_row(found)
    assert (row["pid"], row["wait_ns"]) == (101, 0)


def test_readers_do_not_hold_readers_up() -> None:
    """Of a lock that 1 and 2 read, only the writer waits for them; a reader waits for the writer,
    because none passes one that waits."""
    (found,) = trees(
        [
            lock(1, MMAP, "R", "held"),
            lock(2, MMAP, "R", "held"),
            lock(3, MMAP, "W", "waiting"),
            lock(4, MMAP, "R", "waiting"),
        ],
        ages={1: (3, 0), 2: (30, 0)},
    )
    assert shape(found) == (2, [(3, [(4, [])])]), "under the one whose operation began first"


def test_locks_of_others_do_not_matter() -> None:
    other = ("mmap_lock", 65538, 0, 0)
    found = trees(
        [
            lock(1, MMAP, "W", "held"),
            lock(2, other, "W", "waiting"),
            lock(3, GONE, "R", "held"),
            lock(4, GONE, "W", "waiting"),
        ]
    )
    assert sorted(map(shape, found)) == [(2, []), (4, [])], "each waits, and nobody holds it up"


def test_a_grace_period() -> None:
    """Who waits without a lock waits for the readers of RCU."""
    (found,) = trees([], readers=(5,), blocked=(6,), ages={5: (9, 0), 6: (8, 7)})
    assert shape(found) == (5, [(6, [])])
    text = "\n".join(lines(found))
    assert "in an RCU read section" in text
    assert "waits for a grace period for 7.0 s" in text
    assert trees([], blocked=(6,)) == []


def test_a_grace_period_waits_for_the_oldest_reader() -> None:
    """Others come and go meanwhile; their calls may have begun before."""
    infos = [
        participant(1, reads_rcu=True, rcu=90),
        participant(2, reads_rcu=True, rcu=7, inside=False),
        participant(3, reads_rcu=True, rcu=91),
        participant(4, blocked=True),
    ]
    ages = {1: Ages(9 * SECOND), 3: Ages(8 * SECOND), 4: Ages(3 * SECOND, 3 * SECOND)}
    (found,) = forest(tasks(infos, [], lambda who: ages.get(who, Ages()), lambda info: ""))
    assert shape(found) == (2, [(4, [])])


def test_a_deadlock() -> None:
    """1 and 2 wait for each other's lock, 3 for one of them: there is no root, and that is said."""
    other = ("mmap_lock", 65538, 0, 0)
    (found,) = trees(
        [
            *(lock(1, MMAP, "W", "held"), lock(1, other, "W", "waiting")),
            *(lock(2, other, "W", "held"), lock(2, MMAP, "R", "waiting")),
            lock(3, MMAP, "R", "waiting"),
        ]
    )
    assert found.circle
    assert shape(found) == (1, [(2, []), (3, [])])
    assert lines(found)[0].startswith("deadlock: pid 101")
    assert hung([found], 1e9) == [found], "it will wait for ever"


def test_a_deadlock_through_the_younger_of_two_readers() -> None:
    """3 waits for 1 and for 2, and only 2, which began later, waits for 3."""
    other = ("mmap_lock", 65538, 0, 0)
    found = trees(
        [
            lock(1, MMAP, "R", "held"),
            *(lock(2, MMAP, "R", "held"), lock(2, other, "R", "waiting")),
            *(lock(3, other, "W", "held"), lock(3, MMAP, "W", "waiting")),
        ],
        ages={1: (100, 0), 2: (3, 3), 3: (4, 4)},
    )
    assert [(shape(tree), tree.circle) for tree in found] == [((2, [(3, [])]), True)]


def test_a_circle_of_waits_that_are_younger_than_the_look_is_no_deadlock() -> None:
    """The rows of 1 may be from before it had the lock that 2 wants. Without ages nobody knows."""
    other = ("mmap_lock", 65538, 0, 0)
    circle = [
        *(lock(1, MMAP, "W", "held"), lock(1, other, "W", "waiting")),
        *(lock(2, other, "W", "held"), lock(2, MMAP, "R", "waiting")),
    ]
    (young,) = trees(circle, ages={1: (3, 0), 2: (3, 2)})
    assert not young.circle
    assert shape(young) == (1, [(2, [])]), "the waits are shown all the same"
    assert hung([young], 2.5) == []
    (sure,) = trees(circle, ages={1: (3, 1), 2: (3, 2)})
    assert sure.circle
    (unknown,) = trees(circle)
    assert unknown.circle


def test_hung_is_a_matter_of_time() -> None:
    held = [lock(1, MMAP, "W", "held"), lock(2, MMAP, "R", "waiting")]
    found = trees(held, ages={1: (50, 0), 2: (11, 10)})
    assert hung(found, 10.0) == found
    assert hung(found, 10.1) == []
    assert hung(trees(held), 0.1) == [], "nothing is known of the time"


def test_who_is_stopped_waits_for_nobody() -> None:
    """2 is stopped and waits, for 1 or for nobody: that is no incident. When another waits too, or
    waits for 2, it is one."""
    held = [lock(1, MMAP, "R", "held"), lock(2, MMAP, "W", "waiting")]
    known = {1: (50, 0), 2: (40, 40), 3: (20, 20)}
    assert hung(trees(held, ages=known), 10) != []
    assert hung(trees(held, ages=known, stopped=(2,)), 10) == []
    assert hung(trees(held, ages=known, stopped=(2,)), 0) == []
    assert hung(trees(held[1:], ages=known), 10) != []
    assert hung(trees(held[1:], ages=known, stopped=(2,)), 10) == []
    third = lock(3, MMAP, "R", "waiting")
    (found,) = hung(trees([*held, third], ages=known, stopped=(2,)), 10)
    assert shape(found) == (1, [(2, [(3, [])])])
    assert found.held_up_s == 20
    (found,) = hung(trees([held[1], third], ages=known, stopped=(2,)), 10)
    assert shape(found) == (2, [(3, [])])


def test_a_short_mutex() -> None:
    """It is in rows as other locks are. Two of one class are two."""
    pages, cache = ("page pool lock", 0, 0, 0), ("cache lock of anon_vma", 0, 0, 0)
    tables, others = ("page_table_lock", 65537, 0, 0), ("page_table_lock", 65538, 0, 0)
    found = trees(
        [
            *(lock(1, pages, "W", "held"), lock(1, tables, "W", "held")),
            *(lock(2, pages, "W", "waiting"), lock(3, tables, "W", "waiting")),
            *(lock(4, others, "W", "waiting"), lock(5, cache, "W", "waiting")),
        ],
        ages={2: (3, 3), 3: (2, 2)},
    )
    assert sorted(map(shape, found)) == [(1, [(2, []), (3, [])]), (4, []), (5, [])]
    text = "\n".join(lines(found[0]))
    assert "holds page pool lock and page_table_lock of mm 65537" in text
    assert "waits for page pool lock for 3.0 s" in text
    (alone,) = [tree for tree in found if tree.task.participant == 5]
    assert lines(alone)[0].endswith("waits for cache lock of anon_vma")


def test_a_chain_of_a_thousand() -> None:
    """The trees of many threads take no time to speak of, and a long chain no stack."""
    locks = [lock(0, ("user", 0, 0, 0), "W", "held")]
    for who in range(1, 1000):
        locks.append(lock(who, ("user", 0, who - 1, 0), "W", "waiting"))
        locks.append(lock(who, ("user", 0, who, 0), "W", "held"))
    infos = [participant(who, blocked=who > 0) for who in range(1000)]
    (found,) = forest(tasks(infos, locks, lambda who: Ages(0, who)))
    assert {task.participant for task in found.below()} == set(range(1, 1000))
    text = lines(found)
    assert len(text) == 1000
    assert max(line.index("pid") for line in text) < 3 * (DEPTH_MAX + 3)


def test_who_is_not_in_the_core_does_nothing() -> None:
    """A lock that a user of the library holds outlasts the call that took it."""
    infos = [participant(1, inside=False), participant(2, inside=False)]
    found = tasks(infos, [lock(1, ("user", 0, 3, 0), "W", "held")], lambda who: Ages())
    assert [(task.participant, task.operation) for task in found] == [(1, "")]
    assert forest(found) == []


def test_a_reader_outside_of_the_core_holds_up_who_waits_for_a_grace_period() -> None:
    """1 is a library user in a read section, 2 one that synchronizes, 3 waits in munmap."""
    infos = [
        participant(1, inside=False, reads_rcu=True),
        participant(2, inside=False),
        participant(3, blocked=True),
        participant(4, inside=False),
    ]
    known = {2: Ages(None, SECOND), 3: Ages(SECOND, 2 * SECOND)}
    (found,) = forest(tasks(infos, [], lambda who: known.get(who, Ages())))
    assert shape(found) == (1, [(3, []), (2, [])])
    assert hung([found], 2) == [found]

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from mnc.plan.order import Task, order


def valid(tasks: Sequence[Task], path: Sequence[int]) -> bool:
    written = {name for task in tasks for name, _ in task.writes}
    seen: set[str] = set()
    for i in path:
        if not seen.issuperset(written.intersection(tasks[i].reads)):
            return False
        seen.update(name for name, _ in tasks[i].writes)
    return sorted(path) == list(range(len(tasks)))


def peak(tasks: Sequence[Task], path: Sequence[int]) -> int:
    """The most bytes that live in any step, from the definition of a lifetime."""
    position = {task: step for step, task in enumerate(path)}
    lives = [
        (size, position[i], max([position[i], *(position[j] for j, other in enumerate(tasks) if name in other.reads)]))
        for i, task in enumerate(tasks)
        for name, size in task.writes
    ]
    return max((sum(size for size, a, b in lives if a <= step <= b) for step in range(len(path))), default=0)


@st.composite
def networks(draw: st.DrawFn, most: int) -> list[Task]:
    tasks: list[Task] = []
    names = ["input"]
    for i in range(draw(st.integers(0, most))):
        reads = draw(st.lists(st.sampled_from(names[-5:]), max_size=3))
        writes = tuple((f"t{i}.{k}", draw(st.integers(0, 9))) for k in range(draw(st.sampled_from((1, 1, 1, 2)))))
        tasks.append(Task(tuple(reads), writes))
        names += [name for name, _ in writes]
    return tasks


@settings(max_examples=150, deadline=None)
@given(networks(most=6))
def test_no_other_order_is_better(tasks: list[Task]) -> None:
    found = order(tasks)
    assert valid(tasks, found)
    best = min(peak(tasks, path) for path in permutations(range(len(tasks))) if valid(tasks, path))
    assert peak(tasks, found) == best
    if peak(tasks, range(len(tasks))) == best:
        assert found == tuple(range(len(tasks)))


@settings(max_examples=50, deadline=None)
@given(networks(most=25))
def test_it_is_never_worse_than_the_given_order(tasks: list[Task]) -> None:
    found = order(tasks)
    assert valid(tasks, found)
    assert peak(tasks, found) <= peak(tasks, range(len(tasks)))
    assert found == order(tasks)


def test_a_chain_stays_as_it_is() -> None:
    tasks = [Task((f"t{i}",), ((f"t{i + 1}", 7 * i % 5),)) for i in range(2000)]
    assert order(tasks) == tuple(range(2000))
    assert order([]) == ()


def branches(count: int, length: int) -> list[Task]:
    """Branches that widen and narrow again, given level by level, and a task that joins their ends."""
    tasks = [
        Task((f"{b}.{level - 1}" if level else "input",), ((f"{b}.{level}", 1 if level == length - 1 else 10),))
        for level in range(length)
        for b in range(count)
    ]
    return [*tasks, Task(tuple(f"{b}.{length - 1}" for b in range(count)), (("output", 0),))]


def test_branches_run_one_after_the_other() -> None:
    tasks = branches(4, 3)
    assert peak(tasks, range(len(tasks))) == 50
    assert peak(tasks, order(tasks)) == 3 + 20


def test_a_wide_network_is_ordered_within_bounds() -> None:
    tasks = branches(20, 8)
    found = order(tasks)
    assert valid(tasks, found)
    assert peak(tasks, found) == 19 + 20

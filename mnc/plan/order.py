"""The order of a branching network's tasks that needs the least memory at its peak.

Which tensors are alive depends only on which tasks have run, not on their
order.  So a dynamic programme over those sets finds the best order (Liberis
and Lane, "Neural networks on microcontrollers: saving memory at inference via
operator reordering", arXiv 1910.05110).  Where a network is too wide for
that, only the most promising sets of each length are followed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_WIDTH = 512
"""Sets of finished tasks that are followed side by side; networks with fewer are ordered exactly."""


@dataclass(frozen=True)
class Task:
    """One layer's work: the tensors that it reads, and those that it writes with their sizes in bytes.

    Tensors outside the arena have size 0; one that no task writes is an input
    of the network and outside as well.  A tensor is alive from the task that
    writes it to the last that reads it, both included.
    """

    reads: tuple[str, ...]
    writes: tuple[tuple[str, int], ...]


def order(tasks: Sequence[Task]) -> tuple[int, ...]:
    """The tasks' numbers in the order of least peak; as given where no better one is found."""
    given = tuple(range(len(tasks)))
    plan = _Tensors(tasks)
    limit = plan.peak(given)
    if limit == max((plan.inevitable(task) for task in given), default=0):
        return given
    # Per set of finished tasks (a bit each): the smallest peak so far, the bytes alive now, and the way there.
    fronts: dict[int, tuple[int, int, tuple[int, ...]]] = {0: (0, 0, ())}
    for _ in given:
        following: dict[int, tuple[int, int, tuple[int, ...]]] = {}
        for done, (peak, alive, path) in fronts.items():
            for task in plan.ready(done):
                high = max(peak, alive + plan.written[task])
                after = done | 1 << task
                if high < limit and (after not in following or high < following[after][0]):
                    following[after] = (high, plan.alive(after, task, alive), (*path, task))
        fronts = dict(sorted(following.items(), key=lambda item: item[1])[:_WIDTH])
    return next((path for _, _, path in fronts.values()), given)


class _Tensors:
    """The tasks with sets of tasks as bit masks."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        writer = {name: i for i, task in enumerate(tasks) for name, _ in task.writes}
        assert len(writer) == sum(len(task.writes) for task in tasks), "a tensor is written twice"
        self.size = dict(pair for task in tasks for pair in task.writes)
        self.written = [sum(size for _, size in task.writes) for task in tasks]
        self.reads = [sorted({name for name in task.reads if name in writer}) for task in tasks]
        assert all(writer[name] < i for i, names in enumerate(self.reads) for name in names), "read before written"
        self.needs = [sum({1 << writer[name] for name in names}) for names in self.reads]
        self.readers = dict.fromkeys(self.size, 0)
        for i, names in enumerate(self.reads):
            for name in names:
                self.readers[name] |= 1 << i
        self.unread = [sum(size for name, size in task.writes if not self.readers[name]) for task in tasks]

    def inevitable(self, task: int) -> int:
        """Bytes alive during a task in whatever order: what it reads and writes."""
        return self.written[task] + sum(self.size[name] for name in self.reads[task])

    def ready(self, done: int) -> Iterator[int]:
        """The tasks that can run next."""
        return (i for i, needs in enumerate(self.needs) if not done >> i & 1 and needs & ~done == 0)

    def alive(self, done: int, task: int, before: int) -> int:
        """Bytes alive once `task`, the last of `done`, has run; `before` it there were that many."""
        dead = sum(self.size[name] for name in self.reads[task] if self.readers[name] & ~done == 0)
        return before + self.written[task] - self.unread[task] - dead

    def peak(self, tasks: Sequence[int]) -> int:
        """The most bytes alive during any task of an order."""
        peak = alive = done = 0
        for task in tasks:
            done |= 1 << task
            peak = max(peak, alive + self.written[task])
            alive = self.alive(done, task, alive)
        return peak

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
from typing import NamedTuple

_EFFORT = 20_000
"""Sets of finished tasks that are followed in all; a network with fewer is ordered exactly."""


@dataclass(frozen=True)
class Task:
    """One layer's work: the tensors that it reads, and the tensors that it writes with their sizes in bytes.

    Tensors outside the arena have size 0; one that no task writes is an input
    of the network and outside as well.  A tensor is alive from the task that
    writes it to the last that reads it, both included.
    """

    reads: tuple[str, ...]
    writes: tuple[tuple[str, int], ...]


def order(tasks: Sequence[Task]) -> tuple[int, ...]:
    """The tasks' numbers in the order of least peak; as given where no better one is found.

    `tasks` come in a valid order: every tensor is written once, before it is read.
    """
    given = tuple(range(len(tasks)))
    tensors = _Tensors(tasks)
    limit = tensors.peak(given)
    least = max(map(tensors.inevitable, given), default=0)
    if limit == least:
        return given
    front = [_State(0, least, 0)]
    for _ in given:
        best: dict[int, _State] = {}
        for state in front:
            for after in _successors(tensors, state):
                if after.peak < limit and (after.done not in best or after.peak < best[after.done].peak):
                    best[after.done] = after
        front = sorted(best.values(), key=lambda state: (state.peak, state.alive, state.done))[
            : _EFFORT // len(tasks) + 1
        ]
    return front[0].path() if front else given


class _State(NamedTuple):
    """A set of finished tasks (a bit each), and the best way there that is known."""

    done: int
    peak: int
    alive: int
    task: int = -1
    before: _State | None = None

    def path(self) -> tuple[int, ...]:
        """The tasks from the first to the latest."""
        tasks = []
        state = self
        while state.before:
            tasks.append(state.task)
            state = state.before
        return tuple(reversed(tasks))


def _successors(tensors: _Tensors, state: _State) -> list[_State]:
    """The states that can follow; a single one where choosing it loses nothing.

    A task that raises no peak and leaves no more bytes alive than before may
    as well run at once: it makes nothing later worse.
    """
    following = []
    for task in tensors.ready(state.done):
        done = state.done | 1 << task
        peak = max(state.peak, state.alive + tensors.written[task])
        after = _State(done, peak, tensors.alive(done, task, state.alive), task, state)
        if peak == state.peak and after.alive <= state.alive:
            return [after]
        following.append(after)
    return following


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

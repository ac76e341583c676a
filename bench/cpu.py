"""The CPU time of processes, as the kernel counts it in /proc."""

import os
from collections import defaultdict
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
# Fields of /proc/PID/stat after the command's name (proc(5), from the third field on).
PARENT, FIRST_TIME, LAST_TIME = 1, 11, 15


def seconds(*roots: int) -> float:
    """Return the CPU time, user and system, of these processes and of all that they started.

    The kernel adds a child's time to its parent once the parent has waited for it. Until
    then the time is read from the child.
    """
    children: dict[int, list[int]] = defaultdict(list)
    used: dict[int, int] = {}
    for pid, parent, ticks in _processes():
        children[parent].append(pid)
        used[pid] = ticks
    total, unvisited = 0, list(roots)
    while unvisited:
        pid = unvisited.pop()
        total += used.get(pid, 0)
        unvisited += children[pid]
    return total / TICKS


def parent(pid: int) -> int:
    """Return the process that started this one."""
    return next(found for one, found, _ticks in _processes() if one == pid)


def _processes() -> list[tuple[int, int, int]]:
    """Return pid, parent and ticks of every process. The ticks include children waited for."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # the process ended meanwhile
            continue
        ticks = sum(int(field) for field in fields[FIRST_TIME:LAST_TIME])
        found.append((int(folder.name), int(fields[PARENT]), ticks))
    return found

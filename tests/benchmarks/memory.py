"""How much memory a process came to use; imports nothing of ours, so that peers can ask it, too."""

from __future__ import annotations

import resource
from pathlib import Path


def peak_megabytes() -> int:
    """The most memory this process has had in use, in MiB.

    Not `ru_maxrss` where there is better: on Linux that starts with what the parent had.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

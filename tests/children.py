"""The processes that tests start."""

import os
import subprocess


def read_children():
    """The processes that this one started: other tests may have left some running for those after them."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,comm="], check=True, capture_output=True, text=True).stdout  # noqa: S607 - the system's
    rows = (line.split(None, 2) for line in listed.splitlines())
    return {pid for pid, parent, name in rows if int(parent) == os.getpid() and name != "ps"}

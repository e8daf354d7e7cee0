"""Show what a module reports while it still runs."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from ansible import constants


class Screen(Protocol):
    """The part of Ansible's Display that is used here."""

    def display(self, msg: str, *, stderr: bool) -> None:
        """Show one line."""


def read_local(path: str) -> str:
    """Return what the file holds so far; nothing while the module has not made it."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""


@contextlib.contextmanager
def live_progress(
    screen: Screen,
    prefix: str = "",
    *,
    read: Callable[[str], str] = read_local,
    interval: float = 0.2,
) -> Iterator[str]:
    """Yield the path of a file; each whole line that is written to it is shown on stderr at once.

    Ansible's worker has no terminal of its own: Display sends the line to the main process. Lines are
    counted, not bytes, so that `read` may go through a connection that changes line ends.

    Args:
        screen: Ansible's Display.
        prefix: Stands before each line.
        read: Returns the whole text of the file at a path; one that asks a remote host makes this work there.
        interval: Seconds between two looks.

    Yields:
        The path to hand to the module as its progress file. Its folder is removed at the end; where the
        worker is killed, Ansible removes it with its own temporary files.
    """
    shown = 0
    done = threading.Event()

    def show() -> None:
        nonlocal shown
        lines = read(path).splitlines(keepends=True)
        for line in lines[shown:]:
            if line.endswith("\n"):
                screen.display(f"{prefix}{line.rstrip()}", stderr=True)
                shown += 1

    def follow() -> None:
        while not done.wait(interval):
            show()

    with TemporaryDirectory(dir=constants.DEFAULT_LOCAL_TMP) as folder:
        path = str(Path(folder) / "progress")
        follower = threading.Thread(target=follow, daemon=True)
        follower.start()
        try:
            yield path
        finally:
            done.set()
            follower.join()
            show()

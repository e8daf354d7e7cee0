"""Lines of a module are shown while it runs."""

from __future__ import annotations

import threading
from pathlib import Path

from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.progress import live_progress


class Screen:
    """Remembers what was shown, and lets a test wait for it."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.shown = threading.Event()

    def display(self, msg: str, *, stderr: bool) -> None:
        """Take a line."""
        assert stderr
        self.lines.append(msg)
        self.shown.set()


def test_a_line_is_shown_before_the_module_ends():
    screen = Screen()
    with live_progress(screen, "home: ", interval=0.01) as path:
        Path(path).write_text("one\ntw", encoding="utf-8")
        assert screen.shown.wait(5)
        assert screen.lines == ["home: one"]
        Path(path).write_text("one\ntwo\n", encoding="utf-8")
    assert screen.lines == ["home: one", "home: two"]
    assert not Path(path).exists()


def test_other_line_ends_repeat_nothing():
    screen = Screen()
    with live_progress(screen, read=lambda _path: "one\r\ntwo\r\n", interval=0.01):
        assert screen.shown.wait(5)
    assert screen.lines == ["one", "two"]

"""Threads for requests in flight."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")


class Workers:
    """A few threads for requests in flight; daemons, so that an interrupted run ends at once."""

    def __init__(self, count: int = 8) -> None:
        self._jobs: SimpleQueue[Callable[[], None]] = SimpleQueue()
        for _ in range(count):
            threading.Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        while True:
            self._jobs.get()()

    def submit(self, job: Callable[[], T]) -> Future[T]:
        """Start ``job`` in a thread as soon as one is free."""
        future: Future[T] = Future()

        def run() -> None:
            try:
                future.set_result(job())
            except BaseException as error:  # noqa: BLE001 - handed to whoever asks for the result
                future.set_exception(error)

        self._jobs.put(run)
        return future

    def gather(self, jobs: Iterable[Callable[[], T]]) -> list[T]:
        """Run all at the same time and return their results in order; the first error is raised."""
        return [future.result() for future in [self.submit(job) for job in jobs]]

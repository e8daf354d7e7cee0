"""Stopping a module whose run was interrupted: by a signal, or because ansible-playbook has gone."""

from __future__ import annotations

import os
import select
import signal
import threading
from types import FrameType
from typing import NoReturn

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
LOOK = 1000
"""Milliseconds between two looks for the controller."""


class Interrupted(BaseException):
    """Somebody asked the run to stop; nothing on the way may swallow that, and it can be run again."""


def heed(controller: int | None = None) -> None:
    """Raise ``Interrupted`` in the main thread on a signal, and when nobody waits for the result any more.

    Under load ansible-core can lose the signal that it owes its worker, so the module looks itself.

    Args:
        controller: process id of ansible-playbook, where it runs on this machine.
    """
    for name in SIGNALS:
        signal.signal(name, _interrupt)
    threading.Thread(target=_watch, args=(controller,), daemon=True).start()


def _interrupt(number: int, _frame: FrameType | None) -> NoReturn:
    for name in SIGNALS:
        signal.signal(name, signal.SIG_IGN)
    raise Interrupted(
        f"interrupted by {signal.Signals(number).name}; what was applied stays, and the next run completes it"
    )


def _watch(controller: int | None) -> None:
    poll = select.poll()
    poll.register(1, 0)
    while not poll.poll(LOOK) and (controller is None or _lives(controller)):
        pass
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.kill(os.getpid(), signal.SIGTERM)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True

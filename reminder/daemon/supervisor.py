"""Telling systemd how the daemon is: ready, alive, reloading, stopping (sd_notify(3)).

A word is one datagram to the socket that `NOTIFY_SOCKET` names; without one, nobody asked and nothing is told. The
watchdog hears from the work itself, between batches and after each tick, and not from a timer beside it: a loop that
hangs goes silent, and systemd starts the daemon anew.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from contextlib import suppress

__all__ = ["Supervisor"]


class Supervisor:
    """The service manager that started this process, if one did and wants to hear from it."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        # A leading @ stands for a socket without a file (Linux).
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._status = ""

    def ready(self) -> None:
        """Tell that reminders are looked after from now on."""
        self._tell("READY=1")

    def alive(self) -> None:
        """Tell that the work goes on."""
        self._tell("WATCHDOG=1")

    def reloading(self, monotonic_usec: int) -> None:
        """Tell that the files are being read anew, since this moment of CLOCK_MONOTONIC; `ready` ends it."""
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={monotonic_usec}")

    def status(self, words: str) -> None:
        """Tell in one line, for `systemctl status`, what the daemon is doing; says nothing twice."""
        if words != self._status:
            self._status = words
            self._tell(f"STATUS={words}")

    def waiting(self, words: str, seconds: float) -> None:
        """Tell that it is not ready yet for this reason, and is not to be given up for so many seconds more."""
        self.status(words)
        self._tell(f"EXTEND_TIMEOUT_USEC={int(seconds * 1_000_000)}")

    def stopping(self) -> None:
        """Tell that the batch under way is being let to its end."""
        self._tell("STOPPING=1")

    def _tell(self, word: str) -> None:
        if not self._address:
            return
        # A manager that can't be reached must not stop the reminders; its watchdog will say that it heard nothing.
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.connect(self._address)
            line.sendall(word.encode())

"""A program in a real terminal: a pseudo-terminal of the operating system, no library in between."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
from collections.abc import Mapping, Sequence
from typing import Self

_STYLE = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[=>]|\x1b\][^\x07]*\x07")


class TerminalSession:
    """What a person types, and what they see.

    Attributes:
        seen: All that the program wrote, with its escape sequences.
    """

    def __init__(self, command: Sequence[str], *, columns: int = 100, **environment: str) -> None:
        self.seen = ""
        inherited: Mapping[str, str] = {name: os.environ[name] for name in os.environ if name != "NO_COLOR"}
        self._terminal, inner = pty.openpty()
        fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))

        def take_terminal() -> None:
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self._process = subprocess.Popen(
            command,
            stdin=inner,
            stdout=inner,
            stderr=inner,
            preexec_fn=take_terminal,
            env={**inherited, "TERM": "xterm-256color", **environment},
        )
        os.close(inner)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        if kind is not None:
            print(self.text)  # pytest shows it beside the error
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._terminal)

    @property
    def text(self) -> str:
        """What is seen, without styles."""
        return _STYLE.sub("", self.seen).replace("\r\n", "\n")

    def type(self, keys: str) -> None:
        os.write(self._terminal, keys.encode())

    def wait_for(self, text: str) -> str:
        """Wait until a text is seen; return what came with it since the last call."""
        start = len(self.text)
        while text not in self.text[start:]:
            if not self._read():
                raise AssertionError(f"no {text!r} in {self.text[start:]!r}")
        return self.text[start:]

    def wait(self) -> int:
        """Wait until the program ends; return its exit code."""
        while self._read():
            pass
        return self._process.wait()

    def _read(self) -> bool:
        """Read what comes next; return whether there was more."""
        try:
            data = os.read(self._terminal, 65536)
        except OSError:  # how Linux says that the program has closed the terminal
            return False
        self.seen += data.decode(errors="replace")
        return bool(data)

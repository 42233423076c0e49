"""Starts programs through the wrapper, tied to this process by a pipe: when we die, they end."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from embedded.child import Child, EngineFailed
from foundation.telemetry import readable

WRAPPER = Path(__file__).with_name("wrapper.py")


@dataclass(slots=True)
class Started:
    """A wrapper at work. Its `report` can be selected on: end-of-file when the wrapper has ended."""

    process: subprocess.Popen[bytes]
    report: int
    pid: int | None  # of the program itself; None when the wrapper died before it started one

    def status(self) -> int | None:
        """None while it runs; then the program's own, 128 + n for a program killed by signal n."""
        return self.process.poll()

    def close(self) -> None:
        os.close(self.report)


class Lifeline:
    """The pipe whose write end this process alone holds, so that even SIGKILL closes it."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()  # not inheritable, so no child ever holds the write end

    def start(self, child: Child, *, lock: int, output: int, stdin: int = subprocess.DEVNULL) -> Started:
        """Starts the child's program; whoever of it lives holds `lock`."""
        report, write = os.pipe()
        account = child.account
        words = (
            *(self._read, write, lock, int(child.stop_signal), child.stop_within.total_seconds()),
            *((account.uid, account.gid) if account else (-1, -1)),
            *(child.cwd or "/", *child.argv),
        )
        try:
            process = subprocess.Popen(
                # Isolated and without site-packages: it starts in some 15 ms.
                [sys.executable, "-I", "-S", os.fspath(WRAPPER), *map(str, words)],
                env=dict(child.env),
                stdin=stdin,
                stdout=output,
                stderr=output if output != subprocess.PIPE else subprocess.STDOUT,
                pass_fds=(self._read, write, lock),
                start_new_session=True,  # Ctrl-C reaches the supervisor alone, which stops in order
            )
        except OSError as error:
            os.close(report)
            raise EngineFailed(f"{child.name} cannot start: {error.strerror}") from error
        finally:
            os.close(write)
        said = os.read(report, 32)
        return Started(process, report, int(said) if said else None)

    def run(self, child: Child, *, lock: int, stdin: str = "") -> str:
        """Runs the child's program to its end. Raises EngineFailed with the last line of a failed one."""
        started = self.start(child, lock=lock, output=subprocess.PIPE, stdin=subprocess.PIPE)
        try:
            said, _ = started.process.communicate(stdin.encode())
        finally:
            started.close()
        text = said.decode(errors="replace")
        if started.status():
            raise EngineFailed(f"{child.name} could not be prepared: {telling_line(text)}")
        return text

    def close(self) -> None:
        """Lets go: whatever still runs ends now."""
        os.close(self._write)
        os.close(self._read)


CAUSES = ("No space left", "Read-only file system", "Permission denied", "in use", "Cannot allocate memory")
ERRORS = ("FATAL", "PANIC", "rror")


def telling_line(text: str) -> str:
    """The last line that names a cause outside the program, else the last error, else the last line.

    >>> telling_line("could not write: No space left on device\\nFATAL:  giving up\\nshut down")
    'could not write: No space left on device'
    """
    lines = [
        line.strip()
        for told in text.splitlines()
        for line in readable(told).splitlines()  # of an error with its trace, which one line of a log holds
        if line.strip()
    ]
    for words in (CAUSES, ERRORS):
        telling = [line for line in lines if any(word in line for word in words)]
        if telling:
            return telling[-1]
    return lines[-1] if lines else "it said nothing"

"""Small programs to supervise, and what is left of them. Run as a program it supervises three of them."""

import os
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from embedded.child import Child, Stage
from embedded.supervisor import Supervisor


def toy(home: Path, name: str, script: str, **more: object) -> Child:
    """A shell script in `home`; it is healthy when it has made the file `NAME.up`."""
    up = home / f"{name}.up"
    how = {"stage": Stage.ENGINES, "stop_within": timedelta(seconds=1), **more}
    return Child(
        name=name,
        argv=("/bin/sh", "-c", f"cd '{home}'; {script}"),
        env={"PATH": os.defpath, "TOY_OF": os.fspath(home)},
        healthy=up.exists,
        **how,  # type: ignore[arg-type]
    )


def sleeper(home: Path, name: str, **more: object) -> Child:
    """Writes down when it starts and when it is asked to stop."""
    script = (
        f"trap 'echo stop {name} >> story; rm -f {name}.up; exit 0' TERM; "
        f"echo start {name} >> story; touch {name}.up; while :; do sleep 0.05; done"
    )
    return toy(home, name, script, **more)


def stubborn(home: Path, name: str) -> Child:
    """Does not hear SIGTERM, and has a child in a session of its own that does not either."""
    return toy(home, name, f"trap '' TERM; setsid sh -c 'trap \"\" TERM; sleep 600' & touch {name}.up; wait")


def family(home: Path, name: str) -> Child:
    """Has a child in a session of its own, and ends at once when told."""
    return toy(home, name, f"setsid sleep 600 & touch {name}.up; exec sleep 600")


def alive_of(home: Path) -> set[int]:
    """Every process but ourselves that works in `home`, or names it in its environment or arguments."""
    mark = os.fsencode(home)
    found = set()
    for process in Path("/proc").glob("[1-9]*"):
        try:
            text = (process / "environ").read_bytes() + b"\0" + (process / "cmdline").read_bytes()
            text += b"\0" + os.fsencode(os.readlink(process / "cwd"))
        except OSError:
            continue
        if mark in text and int(process.name) != os.getpid():
            found.add(int(process.name))
    return found


def wait_for(what: Callable[[], bool], *, seconds: float = 15) -> bool:
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


if __name__ == "__main__":
    place = Path(sys.argv[1])
    children = [sleeper(place, "sleeper"), stubborn(place, "stubborn"), family(place, "family")]
    Supervisor(place, children, lambda line: print(line, flush=True)).run(lambda: print("ready", flush=True))

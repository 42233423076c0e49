"""Everything as one: `segue up`, `down`, `status` and `logs`, on top of the supervisor."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TextIO

from cli import say
from cli.mlflow import mlflow_child
from cli.services import api_child, shipper_child
from embedded.child import EngineFailed
from embedded.engines import embedded_engines
from embedded.ports import HOST, engine_ports, free_port, offered_port
from embedded.state import running_supervisor
from embedded.supervisor import Supervisor
from foundation import settings as foundation_settings
from foundation.clock import utc_now
from foundation.errors import Problem
from foundation.settings import EMBEDDED, REPOSITORY, Settings
from foundation.telemetry import readable

READY = "Segue is ready"
EXTRA_PARTS = ("airflow",)
PAGES = {"mlflow": 5000, "airflow": 8080}  # their ports, or the next that are free
ENGINES = {
    "postgres": "postgres",
    "redis": "redis",
    "clickhouse": "clickhouse",
    "clickhouse_reader": "clickhouse",
}


class CannotStart(Problem):
    """Something of the platform cannot be brought up; the text says what."""

    status, title = 500, "Segue cannot start"


class PortTaken(Problem):
    """The wished port belongs to another program."""

    status, title = 409, "The port is taken"


class NoSuchPart(Problem):
    """A part that has no log."""

    status, title = 404, "There is no such part"


def up(*, detach: bool, port: int | None, with_api: bool, extra_parts: Sequence[str] = ()) -> None:
    """Start everything and stay until Ctrl-C, or with `detach` return once it is ready."""
    settings = foundation_settings.load()
    for part in extra_parts:
        if part not in EXTRA_PARTS:
            raise NoSuchPart(f"there is no part {part!r} to start; there are: {', '.join(EXTRA_PARTS)}")
    if running := running_supervisor(settings.home):
        raise CannotStart(
            f"Segue is already running in {settings.home} (process {running}): see ./segue status"
        )
    if detach:
        start_detached(settings, port=port, with_api=with_api, extra_parts=extra_parts)
        return
    wanted = {ENGINES[name] for name, url in settings.engines if name in ENGINES and url == EMBEDDED}
    try:
        children, urls = embedded_engines(settings.home, wanted=wanted, account=settings.embedded.account)
        pages = _ports(settings, port, ["api", "mlflow"] if with_api else [], extra_parts)
        children.append(shipper_child(settings))
        if with_api:
            children += [api_child(settings, pages["api"]), mlflow_child(settings, pages["mlflow"])]
        if "airflow" in extra_parts:
            from cli.airflow import airflow_children

            children += airflow_children(settings, pages["airflow"])
        urls |= {name: f"http://{HOST}:{page}" for name, page in pages.items()}
        if with_api:
            urls["api"] = f"http://{settings.api.host}:{pages['api']}"
        _forget_metrics(settings)
        Supervisor(settings.home, children, say.line, urls=urls).run(
            on_ready=lambda: _tell_ready(settings, urls)
        )
    except EngineFailed as failure:
        raise CannotStart(str(failure)) from failure
    say.line("Segue has stopped.")


def _tell_ready(settings: Settings, urls: Mapping[str, str]) -> None:
    """Where the pages are; last the line that says that all is ready."""
    if "mlflow" in urls:
        say.line(f"MLflow: {urls['mlflow']} (starts when it is first opened)")
    if "airflow" in urls:
        from cli.airflow import sign_in

        say.line(f"Airflow: {urls['airflow']} ({sign_in(settings)})")
    say.line(f"{READY}: {urls.get('api', 'the engines only')}")


def _forget_metrics(settings: Settings) -> None:
    """Counters begin anew with the platform; its processes share them in one folder."""
    shutil.rmtree(settings.metrics_dir, ignore_errors=True)


def _ports(
    settings: Settings, asked: int | None, always: Sequence[str], extra_parts: Sequence[str]
) -> dict[str, int]:
    """A port for each page. With `--port 0` any that are free, the same again next time."""
    names = [*always, *extra_parts]
    if asked == 0:
        return engine_ports(settings.home, names, {})
    ports: dict[str, int] = {}
    for name in names:
        ports[name] = (
            _port(settings, asked) if name == "api" else free_port(PAGES[name], without=ports.values())
        )
    return ports


def _port(settings: Settings, asked: int | None) -> int:
    """The port to serve on. One that was asked for is refused when taken; the default gives way to the next."""
    wished = settings.api.port if asked is None else asked
    other = offered_port(wished)
    if other is None:
        return wished
    if asked is not None:
        raise PortTaken(f"port {wished} is taken by another program; {other} is free: --port {other}")
    say.line(f"Port {wished} is taken by another program; serving on {other} instead.")
    return other


def ensure_up(settings: Settings, *, port: int | None) -> bool:
    """Have the whole platform running; True when this call started it."""
    running = foundation_settings.running_engines(settings)
    if "api" in running:
        return False
    if running_supervisor(settings.home) is not None:
        raise CannotStart("Segue is running without its API: stop it with ./segue down first")
    start_detached(settings, port=port, with_api=True)
    return True


def start_detached(
    settings: Settings, *, port: int | None, with_api: bool, extra_parts: Sequence[str] = ()
) -> None:
    """Start `segue up` as a process of its own and return once it is ready; its words are passed on meanwhile."""
    log = settings.home / "log" / "supervisor.log"
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        output = log.open("ab")
    except OSError as error:
        raise CannotStart(f"cannot write in {log.parent}: {error.strerror}") from error
    words = [
        "up",
        *(["--port", str(port)] if port is not None else []),
        *([] if with_api else ["--without-api"]),
        *(word for part in extra_parts for word in ("--with", part)),
    ]
    with output, log.open(encoding="utf-8", errors="replace") as said:
        said.seek(0, os.SEEK_END)
        process = subprocess.Popen(
            [sys.executable, "-m", "cli", *words],
            cwd=REPOSITORY,
            env=foundation_settings.child_environment(settings),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            _pass_on(process, said)
        except KeyboardInterrupt:
            process.terminate()
            process.wait()
            raise


def _pass_on(process: subprocess.Popen[bytes], said: TextIO) -> None:
    """Print what the supervisor says until it is ready. Raises CannotStart with its last word when it ends."""
    last = ""
    while True:
        ended = process.poll() is not None
        while text := said.readline():
            last = text.strip()
            if not last.startswith("segue:"):
                say.line(last)
            if last.startswith(READY):
                return
        if ended:
            raise CannotStart(last.removeprefix("segue: ") or "the supervisor ended without a word")
        time.sleep(0.05)


def down() -> None:
    """Stop what runs on this home."""
    settings = foundation_settings.load()
    if stop(settings):
        say.line("Segue has stopped.")
    else:
        say.line("Segue is not running.")


def stop(settings: Settings) -> bool:
    """Stop the supervisor of this home and wait until it is gone; False when there was none."""
    pid = running_supervisor(settings.home)
    if pid is None:
        return False
    os.kill(pid, signal.SIGTERM)
    wait(settings)
    return True


def wait(settings: Settings) -> None:
    """Return when nothing runs on this home any more."""
    while running_supervisor(settings.home) is not None:
        time.sleep(0.05)


def status(*, as_json: bool) -> None:
    """Print each part with its state; exit status 1 when nothing runs."""
    settings = foundation_settings.load()
    pid = running_supervisor(settings.home)
    parts = _parts(settings) if pid is not None else []
    if as_json:
        address = foundation_settings.running_engines(settings).get("api")
        say.out.print_json(json.dumps({"running": pid is not None, "api": address, "parts": parts}))
    elif pid is None:
        say.out.print("Segue is not running: start it with ./segue up", markup=False)
    else:
        for part in parts:
            since = datetime.fromisoformat(str(part["since"]))
            minutes = (utc_now() - since).total_seconds() / 60
            restarts = f", {part['restarts']} restarts" if part["restarts"] else ""
            say.out.print(
                f"{part['name']:<21} {part['state']:<9} pid {part['pid'] or '–':<8} for {minutes:.1f} min{restarts}",
                markup=False,
            )
        running = foundation_settings.running_engines(settings)
        for page in ("api", *PAGES):
            if page in running:
                say.out.print(f"{page + ' at':<21} {running[page]}", markup=False)
    if pid is None:
        sys.exit(1)


def _parts(settings: Settings) -> list[dict[str, object]]:
    try:
        written = json.loads((settings.run_dir / "status.json").read_text())
    except (OSError, ValueError):
        return []
    return list(written["children"])


def logs(name: str, *, lines: int, follow: bool) -> None:
    """Print the last lines of a part's log, and with `follow` what comes after."""
    folder = foundation_settings.load().home / "log"
    path = folder / f"{Path(name).name}.log"
    if not path.exists():
        there = ", ".join(sorted(log.stem for log in folder.glob("*.log"))) or "none yet"
        raise NoSuchPart(f"there is no log of {name!r}; there are: {there}")
    with path.open(encoding="utf-8", errors="replace") as file:
        for text in deque(file, maxlen=lines):
            sys.stdout.write(readable(text))
        while follow:
            sys.stdout.write(readable(file.readline()))
            sys.stdout.flush()
            time.sleep(0.1)

"""Without what the extras bring, as `./segue demo` runs: everything can be imported, and a form can be sent."""

import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

from tools.pins import Lock

ROOT = Path(__file__).resolve().parents[2]
PARTS = (
    "catalog_api",
    "cli",
    "embedded",
    "event_log",
    "feature_store",
    "foundation",
    "gateway",
    "models",
    "pipelines",
    "serving",
    "tools",
    "warehouse",
)
PROGRAM = """
import asyncio, importlib, pkgutil, sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in MISSING:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
for part in PARTS:
    package = importlib.import_module(part)
    for module in pkgutil.walk_packages(package.__path__, part + "."):
        if not module.name.endswith((".__main__", ".migrations.env")):  # those two run when they are imported
            importlib.import_module(module.name)

import httpx
from fastapi import FastAPI
from foundation.http.upload import Uploaded

app = FastAPI()

@app.post("/")
async def length(upload: Uploaded) -> int:
    return upload.size

async def main():
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://core") as client:
        print((await client.post("/", files={"file": ("history.json", b"[]")})).text)

asyncio.run(main())
"""


def test_everything_but_benchmarks_and_dags_works_on_the_core_lock_alone() -> None:
    extras = {pin.name for pin in Lock.read(ROOT / "requirements-extras.lock").pins}
    missing = {
        module
        for module, names in packages_distributions().items()
        if extras >= {name.lower().replace("_", "-").replace(".", "-") for name in names}
    } - {*PARTS}

    ran = subprocess.run(
        [sys.executable, "-c", f"MISSING, PARTS = {missing!r}, {PARTS!r}\n{PROGRAM}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert "implicit" in missing
    assert (ran.stdout, ran.returncode) == ("2\n", 0), ran.stderr

"""The example on Ray: tenants on a cluster of two workers, one of which is killed. Every row arrives once."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pyarrow.parquet
import ray_sync

from site_to_read import KEYS, Mock, compare, made_up, rows, write

TENANTS = {"small": 20, "medium": 60, "large": 120}


def workers(driver):
    """The processes below this one that run a task now."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if process.joinpath("cmdline").read_bytes().startswith(b"ray::sync") and driver in ancestors(process):
                found.append(int(process.name))
        except OSError:
            continue
    return found


def ancestors(process):
    while process.name != "0":
        parent = process.joinpath("stat").read_text().rpartition(")")[2].split()[1]
        process = process.with_name(parent)
        yield int(parent)


def keys(folder):
    """What the committed files hold, line by line: the keys that are there at the end."""
    committed = json.loads((folder / "_commit.json").read_text())["files"]
    found = {}
    for stream, columns in KEYS.items():
        files = [folder / f"{stream}-{number:06}.parquet" for number in range(committed)]
        lines = [line for file in files if file.exists() for line in pyarrow.parquet.read_table(file).to_pylist()]
        there = set()
        for line in sorted(lines, key=lambda line: line["_line"]):
            key = tuple(line[column] for column in columns)
            if line["_op"] == "replaces":
                there = {other for other in there if any(mine not in (None, its) for mine, its in zip(key, other))}
            elif line["_op"] == "row":
                there.add(key)
        found[stream] = there
    return found


def main(folder):
    folder = Path(folder)
    with ExitStack() as stack:
        configs = []
        for tenant, pages in TENANTS.items():
            place = folder / f"{tenant}-mock"
            place.mkdir()
            mock = stack.enter_context(Mock(str(place), made_up(pages), options=["--latency-ms", "60"]))
            configs.append(write(folder, f"{tenant}.json", mock.config))
        command = [sys.executable, ray_sync.__file__, os.environ["COMPONENT"], str(folder / "out"), *configs]
        running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        wait_for(folder / "out" / "large" / "_commit.json")
        killed = workers(running.pid)
        for worker in killed:
            os.kill(worker, signal.SIGKILL)
        told = [json.loads(line) for line in running.stdout if line.startswith("{")]
        if running.wait() != 0 or len(told) != len(TENANTS):
            raise SystemExit(f"Ray: exit status {running.returncode}, {told}")
    for ended in told:
        if "error" in ended:
            raise SystemExit(f"Ray: {ended}")
        compare(f"Ray, {ended['tenant']}", keys(folder / "out" / ended["tenant"]), rows(made_up(TENANTS[ended["tenant"]])))
    if not killed or not any(ended["resumed"] for ended in told):
        raise SystemExit(f"Ray: {len(killed)} workers were killed, and no task went on from a checkpoint")


def wait_for(file):
    deadline = time.monotonic() + 120
    while not file.exists():
        if time.monotonic() > deadline:
            raise SystemExit(f"Ray: {file} is not made within two minutes")
        time.sleep(0.05)


if __name__ == "__main__":
    main(sys.argv[1])

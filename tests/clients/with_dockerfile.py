"""The Dockerfile's steps as shell steps in a clean copy, and the command that they make, as the image would start it.

Docker itself is not asked for. What would change this machine is not run: apt-get only says what it would install. The
command is built without the release profile and in a target folder that is kept, as it takes minutes the first time."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from site_to_read import KEYS, Mock, compare, load, rows, write

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = ROOT / "host-test/release/airbyte/Dockerfile"
# What debian:bookworm-slim has.
LIBRARIES = {"linux-vdso.so.1", "libc.so.6", "libm.so.6", "libgcc_s.so.1", "/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"}


def steps(instruction, text):
    return re.findall(rf"^{instruction} (.*)$", text, re.MULTILINE)


def run(command, **options):
    ended = subprocess.run(command, capture_output=True, text=True, **options)
    if ended.returncode != 0:
        raise SystemExit(f"{command}: exit status {ended.returncode}: {ended.stderr}")
    return ended.stdout


def copy(folder):
    """What the image is built from: the files of the repository, without those that the Dockerfile ignores."""
    for file in run(["git", "ls-files", "-z"], cwd=ROOT).rstrip("\0").split("\0"):
        target = folder / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, target, follow_symlinks=False)


def build(folder, text):
    """Runs the steps; the command that they install, at its place below `folder`."""
    # Not the repository's own: cargo takes the crates of both folders for the same and mixes their versions.
    environment = {**os.environ, "CARGO_TARGET_DIR": str(ROOT / "target/clients/dockerfile-target")}
    for step in steps("RUN", text):
        step = step.replace("cargo install", "cargo install --quiet --debug").replace("--root /usr", f"--root {folder}/usr")
        step = step.replace("apt-get update && apt-get install", "apt-get install --simulate")
        step = step.replace("rm -rf /var", f"rm -rf {folder}/var")
        run(["sh", "-c", step], cwd=folder / "connector", env=environment)
    (command,) = (json.loads(entry)[0] for entry in steps("ENTRYPOINT", text))
    installed = Path(f"{folder}{command}")
    libraries = {line.split()[0] for line in run(["ldd", installed]).splitlines()}
    if not libraries <= LIBRARIES:
        raise SystemExit(f"dockerfile: the image has no {libraries - LIBRARIES}")
    return installed


def as_in_the_image(folder, text):
    """No environment but the image's, no home, and the image's user where there is a right to become it."""
    options = {"cwd": "/", "env": {"CONNECTOR_ALLOW_LOOPBACK": "1"}}
    for entry in steps("ENV", text):
        options["env"].update(part.split("=", 1) for part in shlex.split(entry))
    if os.geteuid() == 0:
        user, group = map(int, steps("USER", text)[0].split(":"))
        options.update(user=user, group=group, extra_groups=[])
        for file in Path(folder).glob("*.json"):
            os.chown(file, user, group)
    return options


def read(command, folder, config, options):
    """The keys of all rows, of a catalog that `discover` gave."""
    streams = next(json.loads(line) for line in run([command, "discover", "--config", config], **options).splitlines())
    selected = [{"stream": stream, "sync_mode": "full_refresh", "destination_sync_mode": "overwrite"}
                for stream in streams["catalog"]["streams"]]
    catalog = write(folder, "catalog.json", {"streams": selected})
    found = {stream: set() for stream in KEYS}
    for line in run([command, "read", "--config", config, "--catalog", catalog], **options).splitlines():
        message = json.loads(line)
        if message["type"] == "RECORD":
            record = message["record"]
            found[record["stream"]].add(tuple(record["data"][column] for column in KEYS[record["stream"]]))
    return found


def main(folder):
    text = DOCKERFILE.read_text(encoding="utf-8")
    copy(Path(folder, "connector"))
    command = build(Path(folder), text)
    for parent in (folder, os.path.dirname(folder)):
        os.chmod(parent, 0o711)
    corpus = load()
    with Mock(folder, corpus) as mock:
        config = write(folder, "config.json", mock.config)
        os.chmod(config, 0o600)
        options = as_in_the_image(folder, text)
        run([command, "spec"], **options)
        run([command, "check", "--config", config], **options)
        compare("dockerfile", read(command, folder, config, options), rows(corpus))


if __name__ == "__main__":
    main(sys.argv[1])

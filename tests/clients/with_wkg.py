"""The Bytecode Alliance's package tool: it builds the contract's package, and pushes and pulls through a registry."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from oci_registry import Registry

CONTRACT = Path(__file__).parent / "../../wit"


def wkg(folder, *arguments):
    # Neither the user's settings and credentials nor what an earlier run has fetched.
    environment = {**os.environ, "HOME": folder, "XDG_CONFIG_HOME": folder, "XDG_CACHE_HOME": f"{folder}/cache"}
    ended = subprocess.run([os.environ["WKG"], *arguments], cwd=folder, env=environment, capture_output=True, text=True)
    if ended.returncode != 0:
        raise SystemExit(f"wkg {' '.join(arguments)}: exit status {ended.returncode}: {ended.stderr}")


def build(folder, name):
    """The contract as a package; the interfaces of WASI come from its own folder."""
    copy = os.path.join(folder, name)
    shutil.copytree(CONTRACT, copy)
    wkg(copy, "wit", "build", "--wit-dir", ".", "--output", "package.wasm")
    return Path(copy, "package.wasm")


def push_and_pull(folder, registry, reference, file):
    pulled = Path(folder, "pulled.wasm")
    insecure = ("--insecure", registry)
    wkg(folder, "oci", "push", *insecure, f"{registry}/{reference}", str(file))
    wkg(folder, "oci", "pull", *insecure, "--output", str(pulled), f"{registry}/{reference}")
    if pulled.read_bytes() != file.read_bytes():
        raise SystemExit(f"wkg: {reference} is not what was pushed")
    print(f"wkg: {reference}, {file.stat().st_size} bytes, pushed and pulled")


def main(folder):
    package = build(folder, "first")
    if package.read_bytes() != build(folder, "second").read_bytes():
        raise SystemExit("wkg: two builds of the contract differ")
    component = Path(os.environ["COMPONENT"])
    with Registry() as registry:
        push_and_pull(folder, registry.address, "connectors/contract:0.2.0", package)
        push_and_pull(folder, registry.address, "connectors/confluence-cloud:0.2.0", component)


if __name__ == "__main__":
    main(sys.argv[1])

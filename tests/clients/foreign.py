"""Connectors in other languages: built from the contract's WIT, refused by default, and read with --inert-wasi."""

import glob
import json
import os
import shutil
import subprocess

from site_to_read import Mock, load, program, write

ROOT = os.path.join(os.path.dirname(__file__), "..", "..")
CONNECTORS = os.path.join(os.path.dirname(__file__), "connectors")


def contract(folder):
    """The contract, with WASI's interfaces in full: wit/deps has no more of them than the Rust connector uses."""
    command = ["cargo", "metadata", "--format-version", "1", "--locked"]
    packages = json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)["packages"]
    wasi = next(package for package in packages if package["name"] == "wasip2" and "wasi-0.2" in package["version"])
    wit = os.path.join(folder, "wit")
    os.mkdir(wit)
    for file in glob.glob(os.path.join(ROOT, "wit", "*.wit")):
        shutil.copy(file, wit)
    shutil.copytree(os.path.join(os.path.dirname(wasi["manifest_path"]), "wit", "deps"), os.path.join(wit, "deps"))
    return wit


def host_test(*arguments):
    ended = subprocess.run([program("host-test"), *arguments], capture_output=True, text=True)
    return ended.returncode, ended.stdout, ended.stderr


def check(name, folder, component):
    corpus = load()
    status, _, said = host_test("--component", component, "streams")
    if status != 1 or "--inert-wasi" not in said:
        raise SystemExit(f"{name}: without the option it ends with {status}: {said}")
    foreign = ["--component", component, "--inert-wasi"]
    with Mock(folder, corpus) as mock:
        for token, granted in [("ATATT3xwrong", False), (mock.config["api_token"], True)]:
            config = write(folder, "config.json", {**without_options(mock.config), "api_token": token})
            status, answer, said = host_test(*foreign, "validate", "--config", config)
            if (status == 0) is not granted or json.loads(answer)["valid"] is not granted:
                raise SystemExit(f"{name}: validate ends with {status}: {said}")
        status, lines, said = host_test(*foreign, "--verbose", "sync", "--config", config)
    if status != 0 or "a component says: reading rooms" not in said:
        raise SystemExit(f"{name}: sync ends with {status}: {said}")
    lines = [json.loads(line) for line in lines.splitlines()]
    found = sorted(line["data"]["id"] for line in lines if line["type"] == "record")
    # The listing leaves archived ones out unless it is asked for them.
    if found != sorted(space["id"] for space in corpus["spaces"] if space["status"] == "current"):
        raise SystemExit(f"{name}: {found}")
    print(f"{name}: {len(found)} rooms")


def without_options(config):
    """The fields that this connector has."""
    return {field: config[field] for field in ("base_url", "username")}

"""The example Meltano project: the tap as an inline plugin, streams selected, and a state that Meltano keeps."""

import json
import os
import subprocess
import sys
from pathlib import Path

from site_to_read import KEYS, Mock, after_edit, compare, edited, load, program, rows

PROJECT = Path(__file__).parent / "../../host-test/examples/meltano.yml"
SELECTED = {"pages", "page_versions", "users"}
# From the environment of the Singer client, in place of the one that Meltano would install.
TARGET = Path(__file__).parent / "../../target/clients/singer/bin/target-jsonl"


def run(folder, config):
    """The keys that arrived; those of streams that are not selected must not."""
    output = Path(folder, "output")
    output.mkdir()
    settings = {f"TAP_CONFLUENCE_CLOUD_{name.upper()}": config[name] for name in ("base_url", "username", "api_token")}
    environment = {**os.environ, **settings, "MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false", "HOME": folder, "NO_COLOR": "1"}
    command = [os.path.join(os.path.dirname(sys.executable), "meltano"), "run", "tap-confluence-cloud", "target-jsonl"]
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if ended.returncode != 0:
        raise SystemExit(f"Meltano: exit status {ended.returncode}: {ended.stdout} {ended.stderr}")
    found = {stream: [] for stream in KEYS}
    for file in output.glob("*.jsonl"):
        for line in map(json.loads, file.read_text(encoding="utf-8").splitlines()):
            found[file.stem].append(tuple(line[column] for column in KEYS[file.stem]))
    output.rename(Path(folder, f"output-{config['run']}"))
    for stream, keys in found.items():
        if len(keys) != len(set(keys)):
            raise SystemExit(f"Meltano: {stream} has rows twice")
    return {stream: set(keys) for stream, keys in found.items()}


def selected(expected):
    return {stream: keys if stream in SELECTED else set() for stream, keys in expected.items()}


def main(folder):
    project = PROJECT.read_text(encoding="utf-8")
    project = project.replace("executable: tap-confluence-cloud", f"executable: {program('tap-confluence-cloud')}")
    project = project.replace("pip_url: target-jsonl", f"executable: {TARGET.resolve()}")
    # As in the other tests, an increment reads what changed and nothing to keep the rest fresh.
    project = project.replace("      select:\n", "        - name: refresh_days\n          kind: integer\n          value: 0\n      select:\n")
    Path(folder, "meltano.yml").write_text(project, encoding="utf-8")
    corpus = load()
    with Mock(folder, corpus) as mock:
        compare("Meltano, first run", run(folder, {**mock.config, "run": "first"}), selected(rows(corpus)))
    corpus, changed = edited(corpus)
    with Mock(folder, corpus, mock.address):
        found = run(folder, {**mock.config, "run": "second"})
    must, may = after_edit(corpus, changed)
    expected = {stream: must[stream] | (may[stream] & found[stream]) for stream in KEYS}
    compare("Meltano, second run", found, selected(expected))


if __name__ == "__main__":
    main(sys.argv[1])

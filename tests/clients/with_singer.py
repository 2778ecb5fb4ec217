"""Stock Singer programs behind the tap: a target that writes files, and the checker of taps."""

import json
import os
import subprocess
import sys
from collections import Counter

from site_to_read import KEYS, Mock, after_edit, compare, edited, load, program, rows, write

BIN = os.path.dirname(sys.executable)


def pipe(folder, config, run, state=None):
    """Runs the tap into the checker and into the target. The rows that arrived, and the new state."""
    tap = [program("tap-confluence-cloud"), "--config", write(folder, "config.json", config)]
    if state:
        tap += ["--state", write(folder, "state.json", state)]
    settings = {"destination_path": os.path.join(folder, run), "do_timestamp_file": False}
    target = ["target-jsonl", "--config", write(folder, "target.json", settings)]
    output = os.path.join(folder, f"{run}.singer")
    with open(output, "wb") as file, open(f"{output}.log", "wb") as log:
        subprocess.run(tap, stdout=file, stderr=log, check=True)
    # With --tap the checker doesn't wait for what it reads; its other way is the pipe.
    with open(output, "rb") as file:
        subprocess.run([os.path.join(BIN, "singer-check-tap")], stdin=file, cwd=folder, check=True,
                       stdout=subprocess.DEVNULL)
    with open(output, "rb") as file:
        target[0] = os.path.join(BIN, target[0])
        done = subprocess.run(target, stdin=file, stdout=subprocess.PIPE, check=True, text=True)
    state = json.loads(done.stdout.splitlines()[-1])
    return {stream: keys(settings["destination_path"], stream) for stream in KEYS}, state


def keys(folder, stream):
    """How often each key is in the target's file."""
    name = os.path.join(folder, f"{stream}.jsonl")
    if not os.path.exists(name):
        return Counter()
    with open(name, encoding="utf-8") as file:
        return Counter(tuple(json.loads(line)[column] for column in KEYS[stream]) for line in file)


def once(what, arrived):
    """The keys, if every one arrived once."""
    for stream, counted in arrived.items():
        twice = [key for key, count in counted.items() if count > 1]
        if twice:
            raise SystemExit(f"{what}: {stream} has rows twice, such as {twice[0]}")
    return {stream: set(counted) for stream, counted in arrived.items()}


def main(folder):
    corpus = load()
    with Mock(folder, corpus) as mock:
        arrived, state = pipe(folder, mock.config, "first")
        compare("Singer, first run", once("Singer, first run", arrived), rows(corpus))
    corpus, changed = edited(corpus)
    with Mock(folder, corpus, mock.address):
        arrived, _ = pipe(folder, mock.config, "second", state)
    arrived = once("Singer, second run", arrived)
    must, may = after_edit(corpus, changed)
    expected = {stream: must[stream] | (may[stream] & arrived[stream]) for stream in KEYS}
    compare("Singer, second run", arrived, expected)


if __name__ == "__main__":
    main(sys.argv[1])

"""What a host that is an example must do: exact rows, what changed in the next run, and a message for a wrong token."""

import json
import os
import subprocess

from site_to_read import KEYS, Mock, after_edit, compare, edited, load, rows, write


class Host:
    """A program that takes a configuration and a file for the state, and writes rows to standard output."""

    def __init__(self, name, folder, command):
        self.name, self.folder, self.command = name, folder, command

    def run(self, config):
        """Its exit status, the keys that arrived, and what it said."""
        config = write(self.folder, "config.json", config)
        command = [*self.command, config, os.path.join(self.folder, "state.json")]
        ended = subprocess.run(command, capture_output=True, text=True, cwd=self.folder)
        found = {stream: [] for stream in KEYS}
        for line in map(json.loads, ended.stdout.splitlines()):
            if "row" in line:
                stream = line["stream"]
                found[stream].append(tuple(line["row"][column] for column in KEYS[stream]))
        return ended.returncode, found, ended.stderr

    def read(self, config):
        """The keys that arrived, each of them once."""
        status, found, said = self.run(config)
        if status != 0:
            raise SystemExit(f"{self.name}: exit status {status}: {said}")
        for stream, keys in found.items():
            if len(keys) != len(set(keys)):
                raise SystemExit(f"{self.name}: {stream} has rows twice")
        return {stream: set(keys) for stream, keys in found.items()}

    def check(self):
        corpus = load()
        with Mock(self.folder, corpus) as mock:
            status, found, said = self.run({**mock.config, "api_token": "ATATT3xwrong"})
            if status == 0 or any(found.values()) or "invalid-credentials" not in said:
                raise SystemExit(f"{self.name}: a wrong token gives {status}: {said}")
            compare(f"{self.name}, first run", self.read(mock.config), rows(corpus))
        corpus, changed = edited(corpus)
        with Mock(self.folder, corpus, mock.address):
            found = self.read(mock.config)
        must, may = after_edit(corpus, changed)
        expected = {stream: must[stream] | (may[stream] & found[stream]) for stream in KEYS}
        compare(f"{self.name}, second run", found, expected)

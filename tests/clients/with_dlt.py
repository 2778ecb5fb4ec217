"""The example dlt source, twice: after an edit the tables hold what the site holds."""

import os
import subprocess
import sys

import dlt_source
import duckdb

from site_to_read import KEYS, Mock, compare, edited, load, rows, write


def run(folder, config):
    """Whether it ended well."""
    environment = {**os.environ, "PATH": f"{os.environ['PROGRAMS']}:{os.environ['PATH']}", "HOME": folder,
                   # Root's pipelines are in /var/dlt otherwise, and one of the same name remembers another folder.
                   "DLT_DATA_DIR": os.path.join(folder, "dlt"), "RUNTIME__DLTHUB_TELEMETRY": "false"}
    command = [sys.executable, dlt_source.__file__, write(folder, "config.json", config), "docs"]
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    return ended.returncode == 0, ended.stderr


def keys(folder):
    with duckdb.connect(os.path.join(folder, "docs.duckdb"), read_only=True) as database:
        found = {stream: database.execute(f"SELECT {', '.join(KEYS[stream])} FROM confluence.{stream}").fetchall() for stream in KEYS}
    for stream, all_keys in found.items():
        if len(all_keys) != len(set(all_keys)):
            raise SystemExit(f"dlt: {stream} has rows twice")
    return {stream: set(all_keys) for stream, all_keys in found.items()}


def main(folder):
    corpus = load()
    with Mock(folder, corpus) as mock:
        good, said = run(folder, mock.config)
        if not good:
            raise SystemExit(f"dlt: {said}")
        compare("dlt, first run", keys(folder), rows(corpus))
        good, said = run(folder, {**mock.config, "api_token": "ATATT3xwrong"})
        if good or "does not know these credentials" not in said:
            raise SystemExit(f"dlt: a wrong token: {said}")
        compare("dlt, after a wrong token", keys(folder), rows(corpus))
    corpus, _ = edited(corpus)
    with Mock(folder, corpus, mock.address):
        good, said = run(folder, mock.config)
    compare("dlt, after an edit", keys(folder), rows(corpus))


if __name__ == "__main__":
    main(sys.argv[1])

"""The recipe from JSON lines to DuckDB and Parquet, what polars reads of it, and the report's queries in DuckDB."""

import os
import re
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

import duckdb
import polars
import tables

from site_to_read import KEYS, Mock, compare, edited, load, program, rows, write

QUERIES = Path(__file__).parent / "../../host-test/report/sql"
TIMES = {"created_at", "updated_at", "read_at"}


def sync(folder, config, mode):
    config = write(folder, "config.json", config)
    command = [program("host-test"), "sync", "--config", config, "--to", f"jsonl:{folder}/rows", "--mode", mode]
    subprocess.run(command, check=True, capture_output=True)


def make(folder):
    """The keys in DuckDB; the Parquet files must hold as many rows, with types."""
    command = [sys.executable, tables.__file__, f"{folder}/rows", f"{folder}/docs.duckdb", f"{folder}/parquet"]
    subprocess.run(command, check=True)
    found = {}
    with duckdb.connect(f"{folder}/docs.duckdb") as database:
        for stream, columns in KEYS.items():
            keys = database.execute(f'SELECT {", ".join(columns)} FROM "{stream}"').fetchall()
            frame = polars.read_parquet(f"{folder}/parquet/{stream}.parquet")
            if len(keys) != len(set(keys)) or frame.height != len(keys):
                raise SystemExit(f"tables: {stream} has {len(keys)} rows, {len(set(keys))} keys, {frame.height} in Parquet")
            for column in TIMES & set(frame.columns):
                if frame.schema[column] != polars.Datetime("us", "UTC"):
                    raise SystemExit(f"tables: {stream}.{column} is {frame.schema[column]}")
            found[stream] = set(keys)
    return found


def ask(folder):
    """Runs every query of the report; how many rows each gives."""
    until = datetime(2025, 12, 31, tzinfo=timezone.utc)
    values = {"unit": "month", "since": datetime(2025, 1, 1, tzinfo=timezone.utc), "until": until, "week_ago": until,
              "month_ago": until, "year_ago": datetime(2024, 12, 31, tzinfo=timezone.utc), "as_of": until}
    answers = {}
    with duckdb.connect(f"{folder}/docs.duckdb") as database:
        database.execute("CREATE OR REPLACE TABLE people AS SELECT upper(email) AS email, 'docs' AS team FROM users")
        for file in sorted(QUERIES.glob("*.sql")):
            sql = re.sub(r"--.*", "", file.read_text(encoding="utf-8"))
            names = set(re.findall(r"(?<!:):([a-z_]+)", sql))
            sql = re.sub(r"(?<!:):([a-z_]+)", r"$\1", sql)
            answers[file.stem] = database.execute(sql, {name: values[name] for name in names}).fetchall()
    return answers


def main(folder):
    os.mkdir(f"{folder}/parquet")
    corpus = load()
    with Mock(folder, corpus) as mock:
        sync(folder, mock.config, "full")
        compare("tables, first run", make(folder), rows(corpus))
    later, _ = edited(corpus)
    # A page that is gone, with its labels, versions, views and state: only the close of the snapshot tells.
    gone = next(page for page in later["pages"] if page["status"] == "current" and page["labels"])
    later["pages"].remove(gone)
    with Mock(folder, later, mock.address):
        sync(folder, mock.config, "full")
        compare("tables, after an edit and a deletion", make(folder), rows(later))
    answers = ask(folder)
    new = sum(row[1] for row in answers["activity"])
    pages = sum(page["status"] != "trashed" for page in later["pages"])
    if new != pages:
        raise SystemExit(f"tables: {new} new documents, {pages} pages")
    print(f"tables: {len(answers)} queries, {sum(map(len, answers.values()))} rows")


if __name__ == "__main__":
    main(sys.argv[1])

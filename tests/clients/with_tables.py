"""The recipe from JSON lines to DuckDB and Parquet, what polars reads of it, and the report's queries in DuckDB, which
must answer as they do in SQLite."""

import os
import re
import sqlite3
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

import duckdb
import polars
import tables

from site_to_read import KEYS, Mock, compare, edited, load, program, rows, write

QUERIES = Path(__file__).parent / "../../host-test/report/sql"
KEEP_VIEWS = (QUERIES / "recipes/keep_views.sql").read_text(encoding="utf-8")
TIMES = {"created_at", "updated_at", "read_at"}
VALUES = {"unit": "month", "since": "2025-01-01", "year_ago": "2025-01-31", "until": "2026-01-31"}
PEOPLE = "CREATE TABLE people AS SELECT upper(email) AS email, 'docs' AS team FROM users"


def sync(folder, config, mode):
    config = write(folder, "config.json", config)
    for destination in (f"jsonl:{folder}/rows", f"sqlite:{folder}/docs.sqlite"):
        command = [program("host-test"), "sync", "--config", config, "--to", destination, "--mode", mode]
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


def month(unit, time):
    """PostgreSQL's function, as far as VALUES needs it."""
    return time and f"{time[:7]}-01T00:00:00.000Z"


def plain(value):
    """Times as DuckDB and SQLite both have them; those of today, when views were read, are all the same."""
    if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\dT", value):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return "today" if value.year > 2025 else value.astimezone(timezone.utc)
    return value


def ask(execute):
    """The answers to every query of the report."""
    answers = {}
    for file in sorted(QUERIES.glob("*.sql")):
        sql = re.sub(r"--.*", "", file.read_text(encoding="utf-8"))
        names = re.findall(r"(?<!:):([a-z_]+)", sql)
        found = execute(re.sub(r"(?<!:):([a-z_]+)", r"$\1", sql), {name: VALUES[name] for name in names}).fetchall()
        answers[file.stem] = [tuple(map(plain, row)) for row in found]
        if not found:
            raise SystemExit(f"tables: {file.stem} finds nothing")
    return answers


def expected(corpus):
    """The totals of the lists, worked out without SQL."""
    pages = [page for page in corpus["pages"] if page["status"] != "trashed"]
    left = {user["accountId"] for user in corpus["users"] if user["accountStatus"] == "closed"}
    authors = [{version["authorId"] for version in page["versions"]} for page in pages]
    old = f"{VALUES['year_ago']}T"
    return {
        "single_contributor_pages": sum(len(of_page) == 1 for of_page in authors),
        "deactivated": sum(page["ownerId"] in left or of_page <= left for page, of_page in zip(pages, authors)),
        "never_read": sum(page["status"] == "current" and page["createdAt"] < old and not page["views"] for page in pages),
    }


def main(folder):
    os.mkdir(f"{folder}/parquet")
    corpus = load()
    with Mock(folder, corpus) as mock:
        sync(folder, mock.config, "full")
        compare("tables, first run", make(folder), rows(corpus))
    with duckdb.connect(f"{folder}/docs.duckdb") as duck, sqlite3.connect(f"{folder}/docs.sqlite") as lite:
        duck.execute(KEEP_VIEWS)
        lite.executescript(KEEP_VIEWS)
    later, _ = edited(corpus)
    # A page that is gone, with its labels, versions, views and state: only the close of the snapshot tells.
    gone = next(page for page in later["pages"] if page["status"] == "current" and page["labels"])
    later["pages"].remove(gone)
    for page in later["pages"][10:20]:
        page["views"] += 7
    with Mock(folder, later, mock.address):
        sync(folder, mock.config, "full")
        compare("tables, after an edit and a deletion", make(folder), rows(later))
    with duckdb.connect(f"{folder}/docs.duckdb") as duck, sqlite3.connect(f"{folder}/docs.sqlite") as lite:
        lite.create_function("date_trunc", 2, month)
        duck.execute("SET TimeZone = 'UTC'")
        for database in (duck, lite):
            database.execute(PEOPLE)
        answers, same = ask(duck.execute), ask(lite.execute)
    for query, answer in answers.items():
        if answer != same[query]:
            raise SystemExit(f"tables: {query} gives {answer} in DuckDB and {same[query]} in SQLite")
    totals = {query: answers[query][0][0] for query in expected(later)}
    if totals != expected(later):
        raise SystemExit(f"tables: {totals}, not {expected(later)}")
    new = sum(row[1] for row in answers["activity"])
    pages = sum(page["status"] != "trashed" for page in later["pages"])
    if new != pages:
        raise SystemExit(f"tables: {new} new documents, {pages} pages")
    print(f"tables: {len(answers)} queries, {sum(map(len, answers.values()))} rows, the same in SQLite; {totals}")


if __name__ == "__main__":
    main(sys.argv[1])

"""PyAirbyte as its users call it: check, discover, read into DuckDB, and read again after an edit."""

import os
import sys

# It would report home, ask a registry, and draw on the terminal.
os.environ.update(DO_NOT_TRACK="1", AIRBYTE_OFFLINE_MODE="1", NO_LIVE_PROGRESS="1")

import airbyte  # noqa: E402
from airbyte.caches import DuckDBCache  # noqa: E402

from site_to_read import KEYS, Mock, after_edit, compare, edited, load, program, rows  # noqa: E402

NAME = "source-confluence-cloud"


def source(config):
    return airbyte.get_source(NAME, local_executable=program(NAME), config=config, streams="*")


def table(cache, stream):
    """The keys in the cache; a key that is there twice is an error."""
    columns = ", ".join(KEYS[stream])
    query = f"SELECT {columns} FROM {cache.schema_name}.{stream}"
    keys = [tuple(row.values()) for row in cache.run_sql_query(query)]
    if len(keys) != len(set(keys)):
        raise SystemExit(f"PyAirbyte: {stream} has rows twice")
    return set(keys)


def read(source, cache):
    """Reads into the cache. How many rows came, and all that is now there."""
    result = source.read(cache)
    return result.processed_records, {stream: table(cache, stream) for stream in KEYS}


def main(folder):
    corpus = load()
    cache = DuckDBCache(db_path=os.path.join(folder, "cache.duckdb"))
    with Mock(folder, corpus) as mock:
        site = source(mock.config)
        site.check()
        if site.get_available_streams() != list(KEYS):
            raise SystemExit(f"PyAirbyte: discovers {site.get_available_streams()}")
        refused(mock.config)
        came, found = read(site, cache)
        compare("PyAirbyte, first read", found, rows(corpus))
        if came != sum(map(len, found.values())):
            raise SystemExit(f"PyAirbyte: {came} rows came, some of them twice")
    corpus_later, changed = edited(corpus)
    with Mock(folder, corpus_later, mock.address):
        came, later = read(site, cache)
    # What is gone stays: the protocol has no word for it.
    expected = {stream: keys | found[stream] for stream, keys in rows(corpus_later).items()}
    compare("PyAirbyte, second read", later, expected)
    titles = cache.run_sql_query(f"SELECT title FROM {cache.schema_name}.pages")
    if sum(row["title"].endswith(" (edited)") for row in titles) != 1:
        raise SystemExit("PyAirbyte: the edited page didn't take its old row's place")
    print(f"PyAirbyte, second read: {came} rows came")
    must, may = after_edit(corpus_later, changed)
    least = sum(map(len, must.values()))
    most = least + sum(map(len, may.values()))
    if not least <= came <= most:
        raise SystemExit(f"PyAirbyte: {came} rows came, {least} to {most} had changed")


def refused(config):
    try:
        source({**config, "api_token": "ATATT3xwrong"}).check()
    except airbyte.exceptions.AirbyteConnectorCheckFailedError as error:
        if "ATATT3xwrong" in str(error):
            raise SystemExit("PyAirbyte: the message has the token in it") from None
        return
    raise SystemExit("PyAirbyte: a wrong token passes the check")


if __name__ == "__main__":
    main(sys.argv[1])

"""From `host-test sync --to jsonl:DIR` to typed tables in DuckDB, and Parquet: `pip install duckdb`, nothing else.

    python tables.py DIR docs.duckdb [PARQUET_DIR]

A file of lines is a log. A row counts if it is the last one of its key, no later `replace` line names it, and no
snapshot that began after it was closed without it. The columns of the key are those that the schema requires.
"""

import json
import sys
from itertools import product
from pathlib import Path

import duckdb

TYPES = {"integer": "BIGINT", "number": "DOUBLE", "boolean": "BOOLEAN", "array": "JSON", "object": "JSON"}

TABLE = """
CREATE OR REPLACE TABLE "{stream}" AS
WITH lines AS (
    SELECT row_number() OVER () AS line, * FROM read_json('{file}', format = 'newline_delimited', columns = {{
        type: 'VARCHAR', data: 'STRUCT({columns})', "where": 'STRUCT({keys})', snapshot: 'BOOLEAN', "except": 'STRUCT({keys})[]'}})
),
latest AS (
    SELECT line, data FROM lines WHERE type = 'record'
    QUALIFY row_number() OVER (PARTITION BY {partition} ORDER BY line DESC) = 1
),
replaced AS (SELECT line, "where" AS key FROM lines WHERE type = 'replace'),
closed AS (
    SELECT (SELECT max(line) FROM lines AS began WHERE began.type = 'begin_snapshot' AND began.line < ended.line) AS began,
        coalesce("except", []) AS spared
    FROM lines AS ended WHERE type = 'finished' AND snapshot
)
SELECT data.* FROM latest
WHERE {kept} AND NOT EXISTS (SELECT 1 FROM closed WHERE closed.began > latest.line
    AND NOT EXISTS (SELECT 1 FROM (SELECT unnest(closed.spared) AS key) WHERE {spared}))
"""

# DX's names, which the report's queries use.
VIEW = 'CREATE OR REPLACE VIEW "confluence_{stream}" AS SELECT * FROM "{stream}"'
PAGES = """CREATE OR REPLACE VIEW confluence_pages AS SELECT pages.*, views_count, content_state_name FROM pages
LEFT JOIN page_views ON page_views.page_id = source_id
LEFT JOIN page_content_states ON page_content_states.page_id = source_id"""


def column_type(schema):
    """A column's type in DuckDB; one that may be null says so, and every column may be."""
    names = [schema["type"]] if isinstance(schema["type"], str) else [name for name in schema["type"] if name != "null"]
    if names == ["string"]:
        return "TIMESTAMPTZ" if schema.get("format") == "date-time" else "VARCHAR"
    return TYPES.get(names[0], "JSON") if len(names) == 1 else "JSON"


def conditions(key):
    """SQL for `latest` not being replaced, and for a partial key that matches it.

    Which columns a partial key has is spelled out case by case: equality alone lets the database use a hash join."""
    cases = []
    for present in product([True, False], repeat=len(key)):
        columns = [f'key."{name}" = latest.data."{name}"' if there else f'key."{name}" IS NULL'
                   for name, there in zip(key, present)]
        cases.append(" AND ".join(columns))
    kept = [f"NOT EXISTS (SELECT 1 FROM replaced WHERE {case} AND replaced.line > latest.line)" for case in cases]
    return {"kept": " AND ".join(kept), "spared": " OR ".join(f"({case})" for case in cases)}


def load(database, folder):
    """Makes a table of each stream in the folder, and returns their names."""
    streams = []
    for file in sorted(folder.glob("*.schema.json")):
        stream = file.name.removesuffix(".schema.json")
        schema = json.loads(file.read_text(encoding="utf-8"))
        key = schema["required"]
        columns = {name: f'"{name}" {column_type(column)}' for name, column in schema["properties"].items()}
        lines = str(folder / f"{stream}.jsonl").replace("'", "''")
        database.execute(TABLE.format(
            stream=stream, file=lines, columns=", ".join(columns.values()), keys=", ".join(map(columns.get, key)),
            partition=", ".join(f'data."{name}"' for name in key), **conditions(key)))
        streams.append(stream)
    for stream in streams:
        database.execute(PAGES if stream == "pages" else VIEW.format(stream=stream))
    return streams


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    database = duckdb.connect(sys.argv[2])
    streams = load(database, Path(sys.argv[1]))
    if not streams:
        sys.exit(f"{sys.argv[1]} holds no stream: give the folder of host-test sync --to jsonl:DIR")
    if sys.argv[3:]:
        Path(sys.argv[3]).mkdir(parents=True, exist_ok=True)
    for stream in streams if sys.argv[3:] else []:
        target = str(Path(sys.argv[3]) / f"{stream}.parquet").replace("'", "''")
        database.execute(f"COPY \"{stream}\" TO '{target}' (FORMAT parquet)")

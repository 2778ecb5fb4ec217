"""Confluence Cloud as a dlt source: `pip install dlt[duckdb]`, and `host-test` on the PATH.

    python dlt_source.py config.json docs
"""

import json
import subprocess
import sys

import dlt


@dlt.resource(write_disposition="replace")
def confluence(config):
    """Every stream in full, a table for each. A run that fails raises, and the tables stay as they were."""
    with subprocess.Popen(["host-test", "--quiet", "sync", "--config", config], stdout=subprocess.PIPE) as run:
        for line in map(json.loads, run.stdout):
            if line["type"] == "record":
                yield dlt.mark.with_table_name(line["data"], line["stream"])
    if run.returncode:
        raise RuntimeError(line["message"])


if __name__ == "__main__":
    pipeline = dlt.pipeline(sys.argv[2], destination="duckdb", dataset_name="confluence")
    print(pipeline.run(confluence(sys.argv[1])))

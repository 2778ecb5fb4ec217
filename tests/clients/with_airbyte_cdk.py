"""The standard tests of Airbyte's CDK, through a shim that calls the command."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from site_to_read import Mock, load, write

METADATA = Path(__file__).parent / "../../host-test/release/airbyte/metadata.yaml"

ACCEPTANCE = """
connector_image: source-confluence-cloud:dev
acceptance_tests:
  spec:
    tests: [{config_path: config.json, spec_path: spec.json}]
  connection:
    tests: [{config_path: config.json, status: succeed}, {config_path: wrong.json, status: failed}]
  discovery:
    tests: [{config_path: config.json}]
  basic_read:
    tests: [{config_path: config.json}]
  full_refresh:
    tests: [{config_path: config.json}]
"""

SUITE = """
from pathlib import Path

from airbyte_cdk.test.standard_tests import SourceTestSuiteBase
from airbyte_shim import CommandSource

pytest_plugins = ["airbyte_cdk.test.standard_tests.pytest_hooks"]


class TestCommand(SourceTestSuiteBase):
    connector = CommandSource
    connector_name = "source-confluence-cloud"

    @classmethod
    def get_connector_root_dir(cls):
        return Path(__file__).parent
"""


def main(folder):
    shutil.copy(METADATA, folder)
    Path(folder, "acceptance-test-config.yml").write_text(ACCEPTANCE)
    Path(folder, "test_command.py").write_text(SUITE)
    with Mock(folder, load()) as mock:
        write(folder, "config.json", mock.config)
        write(folder, "wrong.json", {**mock.config, "api_token": "ATATT3xwrong"})
        # An image cannot be built here; every warning about the catalog counts.
        command = [sys.executable, "-m", "pytest", "-q", "-rs", "-m", "not image_tests", "-p", "no:cacheprovider",
                   "-W", "error::airbyte_cdk.test.standard_tests.DiscoveredCatalogWarning", "test_command.py"]
        ended = subprocess.run(command, cwd=folder, env={**os.environ, "TMPDIR": folder})
    sys.exit(ended.returncode)


if __name__ == "__main__":
    main(sys.argv[1])

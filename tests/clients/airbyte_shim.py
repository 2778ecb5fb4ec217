"""The Airbyte command as an object of Airbyte's CDK, for tests that expect one written with it."""

import json
import subprocess
import tempfile
from pathlib import Path

from airbyte_cdk.models import (
    AirbyteCatalog,
    AirbyteConnectionStatus,
    AirbyteMessageSerializer,
    AirbyteStateMessage,
    AirbyteStateMessageSerializer,
    ConfiguredAirbyteCatalog,
    ConfiguredAirbyteCatalogSerializer,
    ConnectorSpecification,
    Type,
)
from airbyte_cdk.sources import Source
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from site_to_read import program

NAME = "source-confluence-cloud"


class CommandSource(Source):
    """Each method is a process; its messages are passed on as they are."""

    def _messages(self, *arguments, **files):
        with tempfile.TemporaryDirectory() as folder:
            command = [program(NAME), *arguments]
            for option, content in files.items():
                file = Path(folder) / f"{option}.json"
                file.touch(mode=0o600)
                file.write_text(json.dumps(content), encoding="utf-8")
                command += [f"--{option}", str(file)]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            failed = None
            for line in process.stdout:
                message = AirbyteMessageSerializer.load(json.loads(line))
                if message.type == Type.TRACE and message.trace.error:
                    failed = message.trace.error
                else:
                    yield message
            process.wait()
        if failed:
            raise AirbyteTracedException(
                message=failed.message, internal_message=failed.internal_message, failure_type=failed.failure_type)

    def _one(self, kind, *arguments, **files):
        found = [message for message in self._messages(*arguments, **files) if message.type == kind]
        assert len(found) == 1, f"{arguments[0]} has {len(found)} messages of the type {kind}"
        return found[0]

    def spec(self, logger) -> ConnectorSpecification:
        return self._one(Type.SPEC, "spec").spec

    def check(self, logger, config) -> AirbyteConnectionStatus:
        return self._one(Type.CONNECTION_STATUS, "check", config=config).connectionStatus

    def discover(self, logger, config) -> AirbyteCatalog:
        return self._one(Type.CATALOG, "discover", config=config).catalog

    def read(self, logger, config, catalog, state=None):
        files = {"config": config, "catalog": ConfiguredAirbyteCatalogSerializer.dump(catalog)}
        if state:
            files["state"] = [AirbyteStateMessageSerializer.dump(message) for message in state]
        yield from self._messages("read", **files)

    @classmethod
    def read_catalog(cls, catalog_path) -> ConfiguredAirbyteCatalog:
        return ConfiguredAirbyteCatalogSerializer.load(json.loads(Path(catalog_path).read_text(encoding="utf-8")))

    @classmethod
    def read_state(cls, state_path) -> list[AirbyteStateMessage]:
        if not state_path:
            return []
        return [AirbyteStateMessageSerializer.load(message) for message in json.loads(Path(state_path).read_text())]

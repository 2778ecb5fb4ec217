"""A connector in Python, compiled with componentize-py: reads one listing, in full."""

import base64
import json

from componentize_py_types import Err, Ok
from wit_world import exports
from wit_world.imports import dx_connector_types as types
from wit_world.imports import outgoing_handler, poll, sink
from wit_world.imports.streams import StreamError_Closed
from wit_world.imports.wasi_http_types import (Fields, Method_Get, OutgoingRequest, Scheme_Http, Scheme_Https)

PATH = "/wiki/api/v2/spaces"
COLUMNS = {"id": {"type": "string"}, "key": {"type": ["string", "null"]}, "name": {"type": ["string", "null"]}}
CONFIG = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "properties": {
        "base_url": {"type": "string"},
        "username": {"type": "string"},
        "api_token": {"type": "string", "writeOnly": True},
    },
}


class Source(exports.Source):
    def describe(self):
        return types.Description(
            name="rooms",
            version="0.1.0",
            config_schema=json.dumps(CONFIG),
            base_url_field="base_url",
            base_urls=["https://{host}/ex/confluence/{id}"],
            requests=[types.RequestPattern("GET", PATH)],
            authentication=[types.Authentication_Basic(types.Basic("username", "api_token"))],
            details=None,
        )

    def validate(self, config):
        status, _ = get(json.loads(config), PATH + "?limit=1")
        access = types.Access.GRANTED if status == 200 else types.Access.DENIED
        error = None if status == 200 else failure(status)
        return types.Validation(error, [types.EndpointAccess(PATH, "read", access, None)], None)

    def list_streams(self):
        schema = {"type": "object", "properties": COLUMNS, "required": ["id"]}
        return [types.StreamInfo("rooms", "Spaces of a site", ["id"], None, [types.Mode.FULL], f"GET {PATH}", "read", json.dumps(schema))]

    def sync(self, config, streams, state):
        config, path, count, requests = json.loads(config), PATH + "?limit=2", 0, 0
        print("reading rooms")
        sink.begin_snapshot(["rooms"])
        while path:
            status, page = get(config, path)
            requests += 1
            if status != 200:
                raise Err(failure(status))
            rows = [json.dumps({column: row.get(column) for column in COLUMNS}) for row in page["results"]]
            count += len(rows)
            sink.emit(types.Batch("rooms", [], rows))
            path = page["_links"].get("next")
        sink.end_snapshot("rooms", [])
        sink.checkpoint(json.dumps({"rows": count}))
        return json.dumps({"rows": {"rooms": count}, "requests": requests})


def failure(status):
    return types.Failure(types.FailureKind.UNEXPECTED_RESPONSE, f"the service answered {status}", PATH, status, None, None)


def get(config, path):
    scheme, _, rest = config["base_url"].partition("://")
    authority, _, prefix = rest.partition("/")
    pair = f"{config['username']}:{config['api_token']}".encode()
    headers = [("authorization", b"Basic " + base64.b64encode(pair)), ("accept", b"application/json")]
    request = OutgoingRequest(Fields.from_list(headers))
    request.set_method(Method_Get())
    request.set_scheme(Scheme_Https() if scheme == "https" else Scheme_Http())
    request.set_authority(authority)
    if path.startswith(f"/{prefix}/"):
        prefix = ""
    request.set_path_with_query((f"/{prefix}" if prefix else "") + path)
    answer = outgoing_handler.handle(request, None)
    pollable = answer.subscribe()
    poll.poll([pollable])
    response = answer.get()
    assert isinstance(response, Ok) and isinstance(response.value, Ok), response
    response = response.value.value
    status, body, stream, text = response.status(), response.consume(), None, b""
    stream = body.stream()
    ready = stream.subscribe()
    while True:
        try:
            poll.poll([ready])
            text += stream.read(65536)
        except Err as error:
            if isinstance(error.value, StreamError_Closed):
                break
            raise
    ready.__exit__(None, None, None)
    stream.__exit__(None, None, None)
    return status, json.loads(text)

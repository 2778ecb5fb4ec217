"""A registry on loopback: as much of the OCI distribution specification as a push and a pull of one artifact need."""

import hashlib
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

UPLOADS = re.compile(r"/v2/(?P<name>.+)/blobs/uploads/(?P<upload>\d*)(\?digest=(?P<digest>.+))?")
CONTENT = re.compile(r"/v2/(?P<name>.+)/(?P<kind>blobs|manifests)/(?P<reference>[^/?]+)")


def digest_of(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


class Registry(ThreadingHTTPServer):
    """For as long as a `with` lasts; `content` holds what was pushed by kind, repository and digest or tag."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server_port}"
        self.content, self.uploads = {}, []

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in {"content_length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def body(self):
        return self.rfile.read(int(self.headers.get("content-length", 0)))

    def do_GET(self):
        if self.path.rstrip("/") == "/v2":
            return self.answer(200)
        asked = CONTENT.fullmatch(self.path)
        found = asked and self.server.content.get(asked.groups()[1:] + (asked["name"],))
        if not found:
            return self.answer(404)
        content, content_type = found
        self.answer(200, content, content_type=content_type, docker_content_digest=digest_of(content))

    do_HEAD = do_GET

    def do_POST(self):
        self.body()
        self.server.uploads.append(b"")
        name = UPLOADS.fullmatch(self.path)["name"]
        self.answer(202, location=f"http://{self.server.address}/v2/{name}/blobs/uploads/{len(self.server.uploads) - 1}")

    def do_PATCH(self):
        upload = int(UPLOADS.fullmatch(self.path)["upload"])
        self.server.uploads[upload] += self.body()
        self.answer(202, location=self.path, range=f"0-{len(self.server.uploads[upload]) - 1}")

    def do_PUT(self):
        if finished := UPLOADS.fullmatch(self.path):
            digest, kind = finished["digest"].replace("%3A", ":"), "blobs"
            content = self.server.uploads[int(finished["upload"])] + self.body()
            if digest_of(content) != digest:
                return self.answer(400)
            self.keep("blobs", digest, finished["name"], content, "application/octet-stream")
        else:
            finished = CONTENT.fullmatch(self.path)
            content, kind = self.body(), "manifests"
            digest = digest_of(content)
            for reference in (digest, finished["reference"]):
                self.keep(kind, reference, finished["name"], content, self.headers["content-type"])
        location = f"http://{self.server.address}/v2/{finished['name']}/{kind}/{digest}"
        self.answer(201, location=location, docker_content_digest=digest)

    def keep(self, kind, reference, name, content, content_type):
        self.server.content[kind, reference, name] = content, content_type

    def log_message(self, *_):
        pass

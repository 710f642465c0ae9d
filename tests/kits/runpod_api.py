"""RunPod's REST API v2 on this machine, as far as endpoints and volumes go.

It takes what the published schema takes (docs.runpod.io/api-reference-v2, read on 2026-11-25), refuses
the rest as documented (422 where the schema is broken, 400 where fields exclude each other), keeps what
it took, and answers with the documented fields.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

import jsonschema

from tests.kits.served import listening

Schema = dict[str, Any]
KEY = "the-account-key"
FINE, LOST = 200, 0  # LOST: it was done, and the answer does not come
TEXT: Schema = {"type": "string", "minLength": 1}
TEXTS: Schema = {"type": "array", "items": {"type": "string"}}
VERSION: Schema = {"type": "string", "pattern": r"^\d+\.\d+$"}


def record(needed: str, /, **properties: Schema) -> Schema:
    return {
        "type": "object",
        "required": needed.split(),
        "properties": properties,
        "additionalProperties": False,
    }


def whole(low: int, high: int = 2**31) -> Schema:
    return {"type": "integer", "minimum": low, "maximum": high}


CONTAINER: dict[str, Schema] = {
    "args": {"type": "string"},
    "disk": whole(1),
    "env": {"type": "object", "additionalProperties": {"type": "string"}},
    "image": {"type": "string"},
    "ports": TEXTS,
    "registry": {"type": ["string", "null"]},
}
GPU: dict[str, Schema] = {
    "pools": {"type": "array", "minItems": 1, "items": {"type": "string"}},
    "excludedTypes": {"type": "array", "uniqueItems": True, "items": {"type": "string"}},
    "count": whole(1),
    "allowedCudaVersions": {"type": "array", "items": VERSION},
}
SCALING: Schema = {
    "oneOf": [
        record(
            "type queueDelay", type={"const": "QUEUE_DELAY"}, queueDelay={"type": "number", "minimum": 0.5}
        ),
        record("type requestCount", type={"const": "REQUEST_COUNT"}, requestCount=whole(1)),
    ]
}
COMMON: dict[str, Schema] = {
    "name": TEXT,
    "scaling": SCALING,
    "dataCenterIds": TEXTS,
    "flashboot": {"enum": ["OFF", "FLASHBOOT", "PRIORITY_FLASHBOOT"]},
    "networkVolumes": TEXTS,
    "templateId": TEXT,
    "timeout": {"type": "integer"},
    "workers": record("", min=whole(0), max=whole(0), idleTimeout=whole(1, 3600)),
}
CREATE = record(
    "name type scaling image gpu",  # without a template; one of `gpu` and `cpu`
    **CONTAINER,
    **COMMON,
    gpu=record("pools", **GPU, minCudaVersion=VERSION),
    type={"enum": ["QUEUE", "LOAD_BALANCER"]},
) | {
    "if": {"properties": {"type": {"const": "LOAD_BALANCER"}}},
    "then": {"properties": {"scaling": {"properties": {"type": {"const": "REQUEST_COUNT"}}}}},
}
UPDATE = record(
    "",
    **CONTAINER,
    **COMMON,
    gpu=record("", **GPU, minCudaVersion={"type": "string", "pattern": r"^$|^\d+\.\d+$"})
    | {"dependentRequired": {"excludedTypes": ["pools"]}},
)
VOLUME = record(
    "name size dataCenter",
    name=TEXT,
    size=whole(10, 4096),
    dataCenter=TEXT,
    type={"enum": ["STANDARD", "HIGH_PERFORMANCE"]},
)
POOLS = {
    "NVIDIA RTX A4000": "AMPERE_16",
    "NVIDIA RTX A4500": "AMPERE_16",
    "NVIDIA L4": "AMPERE_24",
    "NVIDIA GeForce RTX 4090": "ADA_24",
    "NVIDIA GeForce RTX 5090": "ADA_32_PRO",
    "NVIDIA RTX PRO 6000 Blackwell Server Edition": "BLACKWELL_96",
    "NVIDIA B200": "BLACKWELL_180",
    "NVIDIA B300 SXM6 AC": "BLACKWELL_180",
    "NVIDIA GeForce RTX 3070": None,
}


class Refused(Exception):
    """The API's answer to a wrong request."""

    def __init__(self, status: int, detail: str, errors: list[str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.problem = {"title": "Refused", "status": status, "detail": detail} | (
            {"errors": errors} if errors else {}
        )


@dataclass
class RunPodApi:
    """An account; `changes` are the requests that changed it, `faults` what the next ones meet."""

    url: str = ""
    endpoints: dict[str, dict[str, Any]] = field(default_factory=dict)
    volumes: dict[str, dict[str, Any]] = field(default_factory=dict)
    changes: list[tuple[str, str, Any]] = field(default_factory=list)
    faults: list[int] = field(default_factory=list)  # statuses, FINE, or LOST
    pools: dict[str, str | None] = field(default_factory=POOLS.copy)  # of each card, in the catalogue

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        parts = path.removeprefix("/v2/").split("/")
        if method == "GET":
            lists = {
                "serverless": ("endpoints", self.endpoints),
                "network-volumes": ("networkVolumes", self.volumes),
            }
            if parts[0] in lists:
                name, rows = lists[parts[0]]
                return 200, {name: list(rows.values())}
            return 200, {
                "gpus": [{"id": gpu, "pool": pool, "memory": 16} for gpu, pool in self.pools.items()]
            }
        self.changes.append((method, path, body))
        match method, *parts:
            case "POST", "serverless":
                return 201, self.create(body)
            case "PATCH", "serverless", found if found in self.endpoints:
                return 200, self.update(found, body)
            case "POST", "network-volumes":
                valid(body, VOLUME)
                made = f"vol{len(self.volumes)}"
                self.volumes[made] = {"id": made, "type": "STANDARD", **body}
                return 201, self.volumes[made]
        raise Refused(404, "there is no such thing")

    def create(self, body: Any) -> dict[str, Any]:
        valid(body, CREATE)
        plain = {"args": "", "disk": 20, "ports": [], "env": {}, "registry": None, "dataCenterIds": []}
        made: dict[str, Any] = plain | {"networkVolumes": [], "timeout": 300_000, "flashboot": "OFF"} | body
        made["id"] = f"ep{len(self.endpoints)}"
        made["createdAt"] = "2026-11-25T00:00:00Z"
        made["gpu"] = {"count": 1, "allowedCudaVersions": [], "minCudaVersion": None} | body["gpu"]
        made["workers"] = {"min": 0, "max": 3, "idleTimeout": 10} | body.get("workers", {})
        self.check(made, body)
        self.endpoints[made["id"]] = made
        return made

    def update(self, found: str, body: Any) -> dict[str, Any]:
        valid(body, UPDATE)
        now = self.endpoints[found]
        made: dict[str, Any] = now | body
        if gpu := body.get("gpu"):
            made["gpu"] = now["gpu"] | ({"excludedTypes": []} if "pools" in gpu else {}) | gpu
        made["workers"] = now["workers"] | body.get("workers", {})
        self.check(made, body)
        self.endpoints[found] = made
        return made

    def check(self, made: dict[str, Any], body: dict[str, Any]) -> None:
        """Refuse what the schema's words exclude."""
        if made["scaling"]["type"] == "REQUEST_COUNT":
            if "idleTimeout" in body.get("workers", {}):
                raise Refused(400, "idleTimeout is not applicable with REQUEST_COUNT")
            made["workers"].pop("idleTimeout", None)
        if made["gpu"]["allowedCudaVersions"] and made["gpu"]["minCudaVersion"]:
            raise Refused(400, "allowedCudaVersions and minCudaVersion are mutually exclusive")
        for name in made["gpu"].get("excludedTypes", ()):
            if self.pools.get(name) not in made["gpu"]["pools"]:
                raise Refused(400, f"{name} is in none of the pools")
        for volume in made["networkVolumes"]:
            if volume not in self.volumes:
                raise Refused(404, "there is no such network volume")
            if made["dataCenterIds"] != [self.volumes[volume]["dataCenter"]]:
                raise Refused(400, "the volume is in another data center")


def valid(body: Any, schema: Schema) -> None:
    errors = [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(body)]
    if errors:
        raise Refused(422, "the request does not fit the schema", errors)


def refuse(key: str | None, fault: int | None) -> None:
    """Refuse another key, and whatever comes while there is trouble."""
    if key != f"Bearer {KEY}":
        raise Refused(401, "no such key")
    if fault is not None and fault >= 400:
        raise Refused(fault, "trouble\nof the passing kind")


@contextmanager
def account() -> Iterator[RunPodApi]:
    """Serve an empty account over HTTP."""
    api = RunPodApi()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(size)) if size else None
            fault = api.faults.pop(0) if api.faults else None
            try:
                refuse(self.headers["Authorization"], fault)
                status, content = api.answer(self.command, self.path, body)
            except Refused as refused:
                status, content = refused.status, refused.problem
            if fault == LOST:
                self.wfile.close()
                return
            data = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_POST(self) -> None:
            self.do_GET()

        def do_PATCH(self) -> None:
            self.do_GET()

        def log_message(self, *_: Any) -> None:
            """Keep the tests' output clean."""

    with listening(Handler) as api.url:
        yield api

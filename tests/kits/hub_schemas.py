"""What RunPod's Hub takes, as its publishing guide says (docs.runpod.io/hub/publishing-guide)."""

from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string", "minLength": 1}
CUDA: Schema = {"type": "array", "minItems": 1, "items": {"type": "string", "pattern": r"^\d+\.\d+$"}}
POOLS = (  # docs.runpod.io/references/gpu-types, "GPU pools"
    "AMPERE_16", "AMPERE_24", "ADA_24", "AMPERE_48", "ADA_48_PRO", "AMPERE_80", "ADA_80_PRO", "HOPPER_141",
)  # fmt: skip


def record(required: str, /, **properties: Schema) -> Schema:
    """Return the schema of an object with these fields and no others."""
    return {
        "type": "object",
        "required": required.split(),
        "properties": properties,
        "additionalProperties": False,
    }


INPUT = record(
    "name type",
    name=TEXT,
    type={"enum": ["string", "number", "boolean", "huggingface"]},
    description=TEXT,
    default={},
    advanced={"type": "boolean"},
    required={"type": "boolean"},
    min={"type": "number"},
    max={"type": "number"},
    trueValue={"type": "string"},
    falseValue={"type": "string"},
    options={"type": "array", "minItems": 1, "items": record("label value", label=TEXT, value=TEXT)},
)
VARIABLE: Schema = {
    "oneOf": [record("key value", key=TEXT, value=TEXT), record("key input", key=TEXT, input=INPUT)]
}
CONFIG = record(
    "runsOn containerDiskInGb gpuCount gpuIds",
    runsOn={"const": "GPU"},
    endpointType={"const": "LB"},
    containerDiskInGb={"type": "integer", "minimum": 1},
    gpuCount={"type": "integer", "minimum": 1},
    gpuIds={"type": "string", "pattern": rf"^({'|'.join(POOLS)})(,({'|'.join(POOLS)}|-NVIDIA .+))*$"},
    allowedCudaVersions=CUDA,
    presets={"type": "array", "items": record("name defaults", name=TEXT, defaults={"type": "object"})},
    env={"type": "array", "items": VARIABLE},
)
HUB = record(
    "title description type category config",
    title=TEXT,
    description=TEXT,
    type={"const": "serverless"},
    category={"enum": ["audio", "embedding", "language", "video", "image"]},
    iconUrl={"type": "string", "format": "uri"},
    config=CONFIG,
)
TESTS = record(
    "tests config",
    tests={
        "type": "array",
        "minItems": 1,
        "items": record(
            "name input", name=TEXT, input={"type": "object", "minProperties": 1}, timeout={"type": "integer"}
        ),
    },
    config=record(
        "gpuTypeId gpuCount",
        gpuTypeId={"type": "string", "pattern": "^NVIDIA "},
        gpuCount={"type": "integer", "minimum": 1},
        env={"type": "array", "items": record("key value", key=TEXT, value=TEXT)},
        allowedCudaVersions=CUDA,
    ),
)

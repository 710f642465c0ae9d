"""chatterpod deploy: creates an endpoint on RunPod, or changes it, after showing a plan."""

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from chatterpod.cli.output import Printer
from chatterpod.cli.variables import TAKEN_AWAY, hidden, variable
from chatterpod.deploying import NEW_VOLUME, Found, Step, Wanted, plan, unmet
from chatterpod.errors import ConfigError
from chatterpod.kinds import IDLE_S
from chatterpod.management import API_URL, Management

__all__ = ["add_to"]

IMAGE = re.compile(
    r"([\w-]+(\.[\w-]+)+(:\d+)?/|localhost(:\d+)?/)?"  # a registry
    r"([a-z0-9][a-z0-9._-]*/)*[a-z0-9][a-z0-9._-]*"
    r"(:\w[\w.-]{0,127}|@sha256:[0-9a-f]{64})"
)
VOLUME_USD = 0.07  # a GB and month, below 1 TB (docs.runpod.io/accounts-billing/billing)
OPTIONS = (  # option, setting, type, metavar, help (with the value for a new endpoint)
    ("--image", "image", str, "NAME:TAG", "the image; a new endpoint needs one"),
    ("--workers-min", "workers.min", int, "N", "always up and paid for (new: 0)"),
    ("--workers-max", "workers.max", int, "N", "at most (new: 3)"),
    ("--idle", "workers.idleTimeout", int, "SECONDS", f"a worker waits for jobs, paid (new: {IDLE_S})"),
    ("--disk", "disk", int, "GB", "of a container, beside the image (new: 20)"),
    (
        "--min-cuda",
        "gpu.minCudaVersion",
        str,
        "VERSION",
        "the image's torch's, at least the drivers' (new: 12.4)",
    ),
    ("--registry", "registry", str, "ID", "RunPod's id of the login to a private registry"),
)


def add_to(commands: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    command = commands.add_parser(
        "deploy",
        parents=parents,
        help="create an endpoint on RunPod, or change it",
        description="Shows what it would do, asks, and does it. Settings that are as wanted stay: a second "
        "run does nothing. Without an option, an endpoint's setting stays as it is.",
    )
    command.set_defaults(alone=run)
    add = command.add_argument
    add(
        "--name",
        default="chatterpod",
        help="the endpoint's name, by which it is found (default: %(default)s)",
    )
    add(
        "--type",
        choices=["queue", "load-balancer"],
        help="jobs by a queue, or HTTP and WebSockets straight to workers (new: queue)",
    )
    for option, setting, kind, metavar, text in OPTIONS:
        add(option, dest=setting, type=kind, metavar=metavar, help=text)
    add("--gpu", action="append", metavar="POOL", help="repeat it for more (new: AMPERE_16 and AMPERE_24)")
    add("--timeout", type=int, metavar="SECONDS", help="of a job's execution (new: 600)")
    scaling = command.add_mutually_exclusive_group()
    scaling.add_argument(
        "--queue-delay",
        type=float,
        metavar="SECONDS",
        help="a job waits this long before a worker is added (new: 4)",
    )
    scaling.add_argument(
        "--requests",
        type=int,
        metavar="N",
        help="jobs or requests for each worker; RunPod then accepts no --idle (new load balancer: 16)",
    )
    add(
        "--no-flashboot",
        action="store_true",
        help="turn off FlashBoot, which keeps stopped workers for a faster start",
    )
    add("--env", action="append", default=[], metavar="NAME=VALUE", help="a variable of the workers")
    add("--unset", action="append", default=[], metavar="NAME", help="remove a variable")
    add_place(command)
    add("--yes", action="store_true", help="do not ask")
    add("--api-key", metavar="KEY", help="default: RUNPOD_API_KEY, which keeps it out of the process list")
    add("--api-url", default=API_URL, metavar="URL", help="default: %(default)s")


def add_place(command: argparse.ArgumentParser) -> None:
    """Add the options for the data center and the volume."""
    place = command.add_mutually_exclusive_group()
    place.add_argument(
        "--data-center", metavar="ID", help="of the volume with the endpoint's name; created if needed"
    )
    place.add_argument("--volume", metavar="ID", help="an existing network volume, by id or name")
    place.add_argument(
        "--no-volume", action="store_true", help="any data center; each worker's cache is lost when it stops"
    )
    command.add_argument(
        "--volume-size", type=int, default=20, metavar="GB", help="of a new volume (default: %(default)s)"
    )


def run(args: argparse.Namespace, printer: Printer) -> int:
    """Plan, show, ask, do; return 1 if there are changes and they were not agreed to."""
    wanted = wanted_of(args)
    with Management(args.api_key, args.api_url) as api:
        found = found_by(api)
        steps = plan(wanted, found)
        report: dict[str, Any] = {"plan": [as_json(step) for step in steps]}
        if not steps:
            printer.result(report | {"changed": False}, f"{wanted.name} is as wanted: nothing to do")
            return 0
        if not agreed(steps, args, printer):
            printer.result(report | {"changed": False}, "Nothing was changed; --yes does it without asking.")
            return 1
        done = carry_out(api, steps, printer)
    left = unmet(steps[-1], done)
    lines = [f"RunPod accepted it, but does not show these changes yet: {', '.join(left)}"] if left else []
    where = done["id"]
    lines += first_steps(done)
    printer.result(report | {"changed": True, "endpoint_id": where, "not_taken": left}, *lines)
    return 0


def first_steps(endpoint: Mapping[str, Any]) -> list[str]:
    """Return the lines that say how to try an endpoint."""
    if endpoint.get("type") == "LOAD_BALANCER":
        url = f"https://{endpoint['id']}.api.runpod.ai"
        return [f"Next: export CHATTERPOD_URL={url}", '      chatterpod speak "Hello." -o hello.mp3']
    return [f"Next: export RUNPOD_ENDPOINT_ID={endpoint['id']}", "      chatterpod health"]


def wanted_of(args: argparse.Namespace) -> Wanted:
    """Return what the options ask for.

    Raises:
        ConfigError: A number is out of the API's range, or a variable is invalid.
    """
    settings = {name: getattr(args, name) for _, name, *_ in OPTIONS if getattr(args, name) is not None}
    settings |= {"type": args.type.upper().replace("-", "_")} if args.type else {}
    settings |= {"gpu.pools": args.gpu} if args.gpu else {}
    settings |= {"timeout": args.timeout * 1000} if args.timeout is not None else {}
    settings |= {"flashboot": "OFF"} if args.no_flashboot else {}
    settings |= {"env": dict(variable(each) for each in args.env)} if args.env else {}
    if args.requests is not None:
        settings["scaling"] = {"type": "REQUEST_COUNT", "requestCount": args.requests}
    if args.queue_delay is not None:
        settings["scaling"] = {"type": "QUEUE_DELAY", "queueDelay": args.queue_delay}
    check_values(args)
    place = {name: getattr(args, name) for name in ("volume", "no_volume", "data_center", "unset")}
    return Wanted(args.name, settings, volume_gb=args.volume_size, **place)


def check_values(args: argparse.Namespace) -> None:
    """Check what the API or Docker would refuse; errors name the option.

    Raises:
        ConfigError: A number is out of range, or an image's name or a version is malformed.
    """
    ranges = {
        "workers.min": (0, 1000),
        "workers.max": (0, 1000),
        "workers.idleTimeout": (1, 3600),
        "disk": (1, 10_000),
        "timeout": (5, 604_800),
        "queue_delay": (0.5, 3600),
        "requests": (1, 1000),
        "volume_size": (10, 4096),
    }
    names = {setting: option for option, setting, *_ in OPTIONS}
    for name, (low, high) in ranges.items():
        value = getattr(args, name)
        if value is not None and not low <= value <= high:
            option = names.get(name, "--" + name.replace("_", "-"))
            raise ConfigError(f"{option} is {value:g}, expected {low:g} to {high:g}")
    if args.image is not None and (not IMAGE.fullmatch(args.image) or args.image.endswith(":latest")):
        raise ConfigError(
            f"--image is {args.image!r}, expected a name in small letters with a tag of its own, such as "
            "me/chatterpod:0.1.0 (with latest, workers of several versions would serve side by side)"
        )
    cuda = getattr(args, "gpu.minCudaVersion")
    if cuda is not None and not re.fullmatch(r"\d+\.\d+", cuda):
        raise ConfigError(f"--min-cuda is {cuda!r}, expected a version such as 12.4")


def found_by(api: Management) -> Found:
    """Ask the API for what the account has."""
    return Found(
        api.listed("/serverless", "endpoints"),
        api.listed("/network-volumes", "networkVolumes"),
        api.listed("/catalog/gpus", "gpus"),
    )


def agreed(steps: Sequence[Step], args: argparse.Namespace, printer: Printer) -> bool:
    """Show the plan and ask; return whether it may be carried out."""
    if not printer.as_json:
        for step in steps:
            print(step.what)
            for path, now, then in shown(step):
                print(f"    {path:<22} " + (f"{then}" if now is None else f"{now} -> {then}"))
            if step.path == "/network-volumes":
                print(f"    {'cost':<22} {cost_of(step.body)}, used or not")
            for volume in step.leaves:
                print(f"    {'left behind':<22} {left_behind(volume)}")
    if args.yes:
        return True
    if printer.as_json or not sys.stdin.isatty():
        return False
    return input("Do it? [y/N] ").strip().lower() in {"y", "yes"}


def cost_of(volume: Mapping[str, Any]) -> str:
    """Return what a volume costs; no figure if its size is unknown or its type has another price."""
    if "size" not in volume or volume.get("type", "STANDARD") != "STANDARD":
        return "paid by the month"
    return f"about ${volume['size'] * VOLUME_USD:.2f} a month"


def left_behind(volume: Mapping[str, Any]) -> str:
    """Return a sentence about a volume that the endpoint will no longer use."""
    parts = [volume["id"], f"{volume['size']} GB" if "size" in volume else "", volume.get("dataCenter", "")]
    named = f"{volume.get('name', 'a volume')} ({', '.join(part for part in parts if part)})"
    return f"{named}: it stays, with its cache and voices, {cost_of(volume)}, until you delete it at RunPod"


def shown(step: Step) -> list[tuple[str, Any, Any]]:
    """Return a step's changes as text: variables one by one, possible secrets hidden."""
    rows = []
    for path, now, then in step.changes:
        if path != "env":
            rows.append((path, *(text_of(value) for value in (now, then))))
            continue
        before, after = now or {}, then
        rows += [
            (f"env.{name}", hidden(name, before.get(name)), hidden(name, after.get(name, TAKEN_AWAY)))
            for name in sorted({*before, *after})
            if before.get(name) != after.get(name)
        ]
    return rows


def text_of(value: Any) -> Any:
    """Return a value as text, without JSON's punctuation."""
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "(none)"
    if isinstance(value, dict):
        return " ".join(map(str, value.values()))
    return value


def as_json(step: Step) -> dict[str, Any]:
    """Return a step as a JSON object, without secrets."""
    changes = [{"setting": path, "now": now, "then": then} for path, now, then in shown(step)]
    return {"what": step.what, "changes": changes, "leaves": [dict(volume) for volume in step.leaves]}


def carry_out(api: Management, steps: Sequence[Step], printer: Printer) -> dict[str, Any]:
    """Carry out the steps in order; return the API's answer to the last, the endpoint."""
    volume, answer = "", {}
    for step in steps:
        body = {**step.body}
        if volume and body.get("networkVolumes") == [NEW_VOLUME]:
            body["networkVolumes"] = [volume]
        answer = api.change(step.method, step.path, body)
        if step.path == "/network-volumes":
            volume = str(answer.get("id"))
        if not printer.as_json:
            print(f"done: {step.what}: {answer.get('id')}")
    return answer

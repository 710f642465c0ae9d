"""Plans the requests to RunPod's REST API v2 that create an endpoint or change it as wanted. Pure.

An endpoint of API v2 has its container's settings itself: no template is needed. The plan contains
only differences, so that a second run changes nothing. Settings are flat here
(`workers.max`) and nested in the API's bodies. Schema: docs.runpod.io/api-reference-v2.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chatterpod.cards import check_pools, unfit_cards
from chatterpod.errors import ConfigError
from chatterpod.kinds import DEFAULTS, check_kind, defaults_of

__all__ = ["NEW_VOLUME", "Found", "Step", "Wanted", "nested", "plan", "unmet"]

SETS = {"gpu.pools", "gpu.excludedTypes", "networkVolumes", "dataCenterIds"}  # whose order says nothing
CHOOSES_CARDS = {"image", "gpu.pools", "gpu.minCudaVersion"}  # what decides whether the image runs on them
NEW_VOLUME = "(the new volume)"
FLASHBOOT_MARK = " -fb"  # RunPod has been seen to put it behind an endpoint's name
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the operator asks for; other settings stay as they are, or in a new endpoint are DEFAULTS."""

    name: str
    settings: Json = field(default_factory=dict)  # flat, as DEFAULTS; `env` is merged with the endpoint's
    unset: Sequence[str] = ()  # variables to take out
    volume: str | None = None  # id or name of an existing one
    no_volume: bool = False
    data_center: str | None = None  # of the volume with the endpoint's name
    volume_gb: int = 20


@dataclass(frozen=True, slots=True)
class Found:
    """What the account has, as the API lists it."""

    endpoints: Sequence[Json]
    volumes: Sequence[Json]
    gpus: Sequence[Json]  # the catalogue


@dataclass(frozen=True, slots=True)
class Step:
    """One request that changes something; `changes` are (setting, value now or None if new, value then)."""

    method: str
    path: str
    body: Json
    what: str
    changes: Sequence[tuple[str, Any, Any]]
    leaves: Sequence[Json] = ()  # volumes that the endpoint will no longer use; they remain and are paid for


def plan(wanted: Wanted, found: Found) -> list[Step]:
    """Return the steps in order; an empty list if everything is as wanted.

    A body may contain NEW_VOLUME, which stands for the id in the answer to the step before.

    Raises:
        ConfigError: It cannot be had: no image, no such pool or volume, a pool of cards that the image
            does not run on, two endpoints of the name …
    """
    there = one(found.endpoints, called(wanted.name), f"endpoints are called {wanted.name!r}")
    if there is not None and not there.get("gpu"):
        raise ConfigError(f"the endpoint {wanted.name!r} is not one on GPUs: choose another --name")
    settings = dict(wanted.settings)
    check_kind(wanted.name, settings, there)
    check_pools(settings.get("gpu.pools", ()), found.gpus)
    settings |= excluding(settings, there, found.gpus)
    steps, placed = placing(wanted, found, there)
    settings |= placed
    steps.append(creating(wanted, settings) if there is None else updating(wanted, settings, there, found))
    return [step for step in steps if step.changes]


def called(name: str) -> Callable[[Json], bool]:
    """Return a predicate for endpoints of this name."""
    return lambda each: str(each.get("name", "")).removesuffix(FLASHBOOT_MARK) == name


def one(rows: Iterable[Json], fits: Callable[[Json], bool], many: str) -> Json | None:
    """Return the row that fits, None if none does.

    Raises:
        ConfigError: Several fit.
    """
    fitting = [row for row in rows if fits(row)]
    if len(fitting) > 1:
        raise ConfigError(f"{len(fitting)} {many}: {', '.join(str(row['id']) for row in fitting)}")
    return fitting[0] if fitting else None


def excluding(settings: Json, there: Json | None, gpus: Sequence[Json]) -> dict[str, Any]:
    """Return the setting that keeps workers off cards that the image's torch has no kernels for.

    Cards that are excluded already stay so while their pool is among the pools.
    """
    now = there or {}
    if there is not None and not CHOOSES_CARDS & settings.keys():
        return {}
    pools, cuda = (
        settings.get(name) or at(now, name) or DEFAULTS[name] for name in ("gpu.pools", "gpu.minCudaVersion")
    )
    unfit = unfit_cards(pools, cuda, gpus)
    kept = list(at(now, "gpu.excludedTypes") or ())
    if differ("gpu.pools", pools, at(now, "gpu.pools")):
        inside = {gpu["id"] for gpu in gpus if gpu.get("pool") in pools}
        kept = [name for name in kept if name in inside]
    excluded = [*kept, *(name for name in unfit if name not in kept)]
    return {"gpu.excludedTypes": excluded} if excluded else {}


def placing(wanted: Wanted, found: Found, there: Json | None) -> tuple[list[Step], dict[str, Any]]:
    """Return the steps that create a volume, and the settings of the endpoint's volume and data center."""
    if wanted.no_volume:
        return [], {"networkVolumes": [], "dataCenterIds": []}
    if wanted.volume is not None:
        named = {"id": wanted.volume, "name": wanted.volume}
        volume = one(
            found.volumes,
            lambda row: any(row[key] == value for key, value in named.items()),
            f"volumes are called {wanted.volume!r}",
        )
        if volume is None:
            raise ConfigError(f"there is no network volume {wanted.volume!r}")
        return [], on(volume)
    if wanted.data_center is None and there is not None:
        return [], {}
    return own_volume(wanted, found)


def own_volume(wanted: Wanted, found: Found) -> tuple[list[Step], dict[str, Any]]:
    """Return the step and the settings for the volume with the endpoint's name, new or existing."""
    volume = one(
        found.volumes,
        lambda row: row["name"] == wanted.name and wanted.data_center in {None, row["dataCenter"]},
        f"volumes are called {wanted.name!r}, say which with --volume",
    )
    if volume is not None:
        return [], on(volume)
    if wanted.data_center is None:
        raise ConfigError(
            "a new endpoint needs --data-center for its volume, --volume for one that exists, or --no-volume"
        )
    body = {"name": wanted.name, "size": wanted.volume_gb, "dataCenter": wanted.data_center}
    made = Step("POST", "/network-volumes", body, f"make the volume {wanted.name!r}", news(body))
    return [made], on({"id": NEW_VOLUME, "dataCenter": wanted.data_center})


def on(volume: Json) -> dict[str, Any]:
    """Return the settings that attach a volume to an endpoint and place it in the volume's data center."""
    return {"networkVolumes": [volume["id"]], "dataCenterIds": [volume["dataCenter"]]}


def creating(wanted: Wanted, settings: Json) -> Step:
    """Return the step that creates the endpoint."""
    if "image" not in settings:
        raise ConfigError(f"there is no endpoint {wanted.name!r} yet: a new one needs --image")
    defaults = defaults_of(settings.get("type", "QUEUE"))
    whole = {**defaults, **settings}
    check_workers(whole, {})
    env = {**defaults["env"], **settings.get("env", {})}
    whole["env"] = {name: value for name, value in env.items() if name not in wanted.unset}
    if by_requests(whole["scaling"], settings):
        del whole["workers.idleTimeout"]
    body = nested({"name": wanted.name, **whole})
    return Step("POST", "/serverless", body, f"make the endpoint {wanted.name!r}", news(whole))


def updating(wanted: Wanted, settings: Json, there: Json, found: Found) -> Step:
    """Return the step that changes the endpoint; its changes are empty if all settings are as wanted."""
    check_workers(settings, there)
    settings = {name: value for name, value in settings.items() if name != "type"}  # it stays for good
    env = {**(there.get("env") or {}), **settings.get("env", {})}
    target = {**settings, "env": {name: value for name, value in env.items() if name not in wanted.unset}}
    scaling = settings.get("scaling") or there.get("scaling") or {}
    counts = by_requests(scaling, settings)
    if not counts and at(there, "workers.idleTimeout") is None:
        target = {"workers.idleTimeout": DEFAULTS["workers.idleTimeout"], **target}
    changed = {path: value for path, value in target.items() if differ(path, value, at(there, path))}
    changes = [(path, at(there, path), value) for path, value in changed.items()]
    body = nested(whole_where_needed(changed, target, there))
    if counts:
        body.get("workers", {}).pop("idleTimeout", None)
    what = f"change the endpoint {there['id']}"
    left = leaving(changed, there, found.volumes)
    return Step("PATCH", f"/serverless/{there['id']}", body, what, changes, left)


def leaving(changed: Json, there: Json, volumes: Sequence[Json]) -> list[Json]:
    """Return the volumes that the endpoint will no longer have; an unlisted one with its id only."""
    if "networkVolumes" not in changed:
        return []
    listed = {volume["id"]: volume for volume in volumes}
    gone = [each for each in there.get("networkVolumes") or () if each not in changed["networkVolumes"]]
    return [listed.get(each, {"id": each}) for each in gone]


def check_workers(settings: Json, there: Json) -> None:
    """Check the numbers of workers; one that is not in `settings` is the endpoint's own.

    Raises:
        ConfigError: workers.min is above workers.max.
    """
    if not {"workers.min", "workers.max"} & settings.keys():
        return
    least, most = (settings.get(name, at(there, name)) for name in ("workers.min", "workers.max"))
    if least is not None and most is not None and least > most:
        raise ConfigError(
            f"{least} workers would always be up, and at most {most} may be: "
            "raise --workers-max or lower --workers-min"
        )


def by_requests(scaling: Json, settings: Json) -> bool:
    """Return whether RunPod scales by the count of requests; it then accepts no idle timeout.

    Raises:
        ConfigError: `settings` have one.
    """
    counts = scaling.get("type") == "REQUEST_COUNT"
    if counts and "workers.idleTimeout" in settings:
        raise ConfigError("RunPod accepts no idle timeout if it scales by requests: choose --queue-delay")
    return counts


def whole_where_needed(changed: Json, target: Json, there: Json) -> dict[str, Any]:
    """Return the changes with what must be said beside them."""
    full = dict(changed)
    if "scaling" in changed or any(path.startswith("workers.") for path in changed):
        now = {f"workers.{name}": value for name, value in (there.get("workers") or {}).items()}
        full = {**now, **full}
    if {"gpu.pools", "gpu.excludedTypes"} & changed.keys():  # one selection: either clears or needs the other
        pools = target.get("gpu.pools") or at(there, "gpu.pools")
        excluded = target.get("gpu.excludedTypes")
        full |= {"gpu.pools": pools} | ({"gpu.excludedTypes": excluded} if excluded else {})
    if "gpu.minCudaVersion" in changed and at(there, "gpu.allowedCudaVersions"):
        full["gpu.allowedCudaVersions"] = []  # a floor and a set exclude each other
    return full


def at(there: Json, path: str) -> Any:
    """Return the value at a flat path, or None."""
    value: Any = there
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def differ(path: str, wanted: Any, now: Any) -> bool:
    """Return whether a setting's value differs from the wanted one."""
    if path in SETS:
        return set(wanted) != set(now or ())
    return bool(wanted != ({} if path == "env" and now is None else now))


def unmet(step: Step, answer: Json) -> list[str]:
    """Return the settings whose value in RunPod's answer differs from the step's."""
    return [
        path
        for path, _, then in step.changes
        if then != [NEW_VOLUME] and differ(path, then, at(answer, path))
    ]


def news(settings: Json) -> list[tuple[str, Any, Any]]:
    """Return the changes that create these settings."""
    return [(path, None, value) for path, value in settings.items()]


def nested(flat: Json) -> dict[str, Any]:
    """Return flat settings as the API nests them."""
    body: dict[str, Any] = {}
    for path, value in flat.items():
        *outer, name = path.split(".")
        inner = body
        for each in outer:
            inner = inner.setdefault(each, {})
        inner[name] = value
    return body

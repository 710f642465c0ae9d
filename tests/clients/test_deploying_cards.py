"""`chatterpod deploy` keeps workers off cards that the image's torch has no kernels for."""

from collections.abc import Callable, Iterator

import pytest
from chatterpod.cards import unfit_cards
from chatterpod.cli import main

from tests.kits.runpod_api import KEY, RunPodApi, account

Run = Callable[..., tuple[int, str, str]]
NEW = ("--image", "me/chatterpod:0.1.0", "--data-center", "EU-RO-1")
SLICE = "NVIDIA RTX PRO 6000 Blackwell Server Edition MIG 1g.24gb"


@pytest.fixture
def api() -> Iterator[RunPodApi]:
    with account() as served:
        yield served


@pytest.fixture
def run(api: RunPodApi, capsys: pytest.CaptureFixture[str]) -> Run:
    def command(*arguments: str) -> tuple[int, str, str]:
        code = main(["deploy", *arguments, "--yes", "--api-key", KEY, "--api-url", api.url])
        return code, *capsys.readouterr()

    return command


@pytest.mark.parametrize(
    ("arguments", "cards", "pool"),
    [
        (("--gpu", "ADA_24", "--gpu", "ADA_32_PRO"), "NVIDIA GeForce RTX 5090", "ADA_32_PRO"),
        (("--gpu", "BLACKWELL_96"), "NVIDIA RTX PRO 6000 Blackwell Server Edition", "BLACKWELL_96"),
        (
            ("--gpu", "BLACKWELL_180", "--min-cuda", "12.6"),
            "NVIDIA B200, NVIDIA B300 SXM6 AC",
            "BLACKWELL_180",
        ),
    ],
)
def test_a_pool_of_cards_without_kernels_is_refused_with_the_reason_and_the_remedy(
    run: Run, api: RunPodApi, arguments: tuple[str, ...], cards: str, pool: str
) -> None:
    code, _, err = run(*NEW, *arguments)
    assert code == 2
    assert (
        f"has no kernels for {cards}, so no worker would start on the GPU pool {pool}: choose another" in err
    )
    assert "pass --min-cuda 12.8" in err
    assert err.count("\n") == 1
    assert api.changes == []


def test_cards_without_kernels_in_a_pool_of_others_are_excluded_and_shown(run: Run, api: RunPodApi) -> None:
    api.pools[SLICE] = "AMPERE_24"
    code, out, _ = run(*NEW)
    assert code == 0
    assert f"gpu.excludedTypes      {SLICE}" in out
    assert api.endpoints["ep0"]["gpu"]["excludedTypes"] == [SLICE]
    assert run(*NEW)[1] == "chatterpod is as wanted: nothing to do\n"
    run("--gpu", "ADA_24", "--gpu", "AMPERE_24")
    assert api.endpoints["ep0"]["gpu"]["excludedTypes"] == [SLICE]
    run("--gpu", "ADA_24")
    assert api.endpoints["ep0"]["gpu"]["excludedTypes"] == []


def test_an_endpoint_that_gets_this_image_is_kept_off_cards_without_kernels(run: Run, api: RunPodApi) -> None:
    run(*NEW)
    gpu = api.endpoints["ep0"]["gpu"]
    gpu["excludedTypes"] = ["NVIDIA L4"]
    api.pools[SLICE] = "AMPERE_24"
    run("--idle", "20")  # says nothing of cards
    assert api.changes[-1][2] == {"workers": {"min": 0, "max": 3, "idleTimeout": 20}}
    run("--image", "me/chatterpod:0.2.0")
    assert api.endpoints["ep0"]["gpu"] == gpu | {"excludedTypes": ["NVIDIA L4", SLICE]}
    api.endpoints["ep0"]["gpu"].update(pools=["ADA_32_PRO"], excludedTypes=[])
    code, _, err = run("--image", "me/chatterpod:0.3.0")
    assert (code, "has no kernels for NVIDIA GeForce RTX 5090" in err) == (2, True)
    assert run("--workers-max", "1")[0] == 0


def test_an_image_with_a_newer_torch_may_have_any_pool(run: Run, api: RunPodApi) -> None:
    api.pools[SLICE] = "AMPERE_24"
    pools = ("--gpu", "ADA_32_PRO", "--gpu", "BLACKWELL_180", "--gpu", "AMPERE_24")
    assert run(*NEW, *pools, "--min-cuda", "12.8")[0] == 0
    assert "excludedTypes" not in api.endpoints["ep0"]["gpu"]
    assert run("--image", "me/chatterpod:0.2.0")[0] == 0


@pytest.mark.parametrize(
    ("card", "fits"),
    [
        ("NVIDIA RTX A4000", True),
        ("NVIDIA RTX A5000", True),
        ("NVIDIA RTX 5000 Ada Generation", True),
        ("NVIDIA RTX 6000 Ada Generation", True),
        ("NVIDIA A100-SXM4-80GB", True),
        ("NVIDIA L40S", True),
        ("NVIDIA H100 80GB HBM3", True),
        ("NVIDIA H200", True),
        ("NVIDIA GeForce RTX 4090", True),
        ("Tesla V100-SXM2-32GB", True),
        ("NVIDIA GeForce RTX 5080", False),
        ("NVIDIA GeForce RTX 5090", False),
        ("NVIDIA GeForce RTX 5070 Ti", False),
        ("NVIDIA RTX PRO 4500 Blackwell", False),
        ("NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition", False),
        ("NVIDIA RTX PRO 6000 Blackwell Server Edition MIG 2g.48gb", False),
        ("NVIDIA B200", False),
        ("NVIDIA B300 SXM6 AC", False),
        ("NVIDIA B300 MIG 34GB", False),
        ("NVIDIA GB200", False),
    ],
)
def test_each_of_runpods_cards_is_known_by_its_name(card: str, *, fits: bool) -> None:
    catalogue = [{"id": card, "pool": "P"}, {"id": "NVIDIA A40", "pool": "P"}]
    assert unfit_cards(["P"], "12.4", catalogue) == ([] if fits else [card])
    assert unfit_cards(["P"], "12.8", catalogue) == unfit_cards(["P"], "13.0", catalogue) == []
    assert unfit_cards(["Q"], "12.4", catalogue) == []

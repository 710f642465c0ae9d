import os
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path
from time import sleep

import httpx
import pytest

from bench.running import running
from localpod.settings import EndpointOptions, worker_environment
from tests.kits.balanced import standin_command
from tests.kits.timing import until

HEADERS = {"Authorization": "Bearer any"}
SLEEPER = shlex.join([sys.executable, "-c", "import time; time.sleep(3600)"])


def localpod(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "localpod", *arguments]


def test_a_port_in_use_is_one_line_and_exit_code_1() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = subprocess.run(
            localpod("--port", str(port)), capture_output=True, text=True, check=False, timeout=30
        )
    assert ended.returncode == 1
    assert ended.stderr.splitlines() == [
        f"localpod: cannot listen on 127.0.0.1:{port}: [Errno 98] Address already in use"
    ]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_workers_and_ends_with_code_0(number: signal.Signals) -> None:
    with subprocess.Popen(
        localpod("--port", "0", "--command", SLEEPER),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[1]
        pid = worker_of(url)
        process.send_signal(number)
        assert process.wait(20) == 0
    with pytest.raises(ProcessLookupError):
        os.killpg(pid, 0)


def test_workers_do_not_outlive_a_localpod_that_was_killed() -> None:
    with subprocess.Popen(
        localpod("--port", "0", "--command", SLEEPER),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        pid = worker_of(process.stdout.readline().split()[1])
        process.kill()
    until(lambda: not is_running(pid))


def worker_of(url: str) -> int:
    """Have a worker started; return its process id."""
    httpx.post(f"{url}/v2/local/run", json={"input": {"a": 1}}, headers=HEADERS)
    while True:
        for worker in httpx.get(f"{url}/localpod/state").json()["workers"]:
            if worker["pid"]:
                return int(worker["pid"])
        sleep(0.02)


def is_running(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize(
    ("command", "code"), [(shlex.join([sys.executable, "-c", "exit(3)"]), 3), ("no-such-command", 127)]
)
def test_jobs_fail_with_the_reason_when_no_worker_can_start(command: str, code: int) -> None:
    with running("--command", command) as url:
        api = f"{url}/v2/local"
        answer = httpx.post(f"{api}/runsync", json={"input": {"a": 1}}, headers=HEADERS, timeout=60).json()
    assert answer["status"] == "FAILED"
    assert answer["error"] == f"worker exited with code {code} before taking a job"


def test_every_address_given_to_a_worker_has_its_question_mark() -> None:
    options = EndpointOptions(worker_key="secret")
    environment = worker_environment(options, "w1", {"PATH": "/bin", "RUNPOD_POD_ID": "old"})
    addresses = [value for name, value in environment.items() if name.startswith("RUNPOD_WEBHOOK_")]
    assert len(addresses) == 4
    assert all(address.endswith("?gpu=local&worker_key=secret") for address in addresses)
    assert (environment["PATH"], environment["RUNPOD_POD_ID"]) == ("/bin", "w1")


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("drop.stream", "'drop.stream' is not NAME=VALUE with a number; the names are (close|never|"),
        ("drop.stream=often", "'drop.stream=often' is not NAME=VALUE with a number; the names are"),
        ("drop.streams=1", "'drop.streams' is not a fault, did you mean 'drop.stream'?"),
    ],
)
def test_a_wrong_fault_is_refused_with_the_form_that_is_expected(fault: str, message: str) -> None:
    ended = subprocess.run(
        localpod("--fault", fault), capture_output=True, text=True, check=False, timeout=30
    )
    assert ended.returncode == 2
    assert f"argument --fault: {message}" in ended.stderr.splitlines()[-1]


def test_the_help_has_one_line_about_faults_which_names_the_page() -> None:
    shown = subprocess.run(localpod("--help"), capture_output=True, text=True, check=True, timeout=30).stdout
    about = [line for line in shown.splitlines() if "docs/start/local.md" in line]
    assert len(about) == 1
    assert [
        name for name in ("kill", "SIGTERM", "redispatch", "stop-once", "/localpod/faults") if name in shown
    ] == []


def test_as_a_load_balancer_it_leads_to_its_worker_and_ends_with_it() -> None:
    command = shlex.join(standin_command())
    with running("--load-balancer", "--command", command, "--api-key", "right") as url:
        answer = httpx.get(f"{url}/anything", headers={"Authorization": "Bearer right"}, timeout=60)
        pid = answer.json()["pid"]
    assert answer.status_code == 200
    assert not is_running(pid)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--load-balancer", "--fault", "kill.take=1"), "--fault is for the queue only"),
        (("--load-balancer", "--queue-delay", "1"), "--queue-delay is for the queue only"),
        (("--requests", "3"), "--requests is for --load-balancer only"),
        (("--load-balancer", "--requests", "0"), "argument --requests: 0 is less than 1"),
        (("--load-balancer", "--workers-min", "2"), "--workers-min is 2, more than --workers, which is 1"),
    ],
)
def test_options_of_the_other_kind_of_endpoint_are_refused(arguments: tuple[str, ...], message: str) -> None:
    ended = subprocess.run(localpod(*arguments), capture_output=True, text=True, check=False, timeout=30)
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-1].endswith(message)

"""What speech costs."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from chatterpod.cli import main
from chatterpod.costs import PRICES, Cost, Traffic, cost_alone, cost_busy, measured
from chatterpod.kinds import DEFAULTS

PRICE = 0.0002
TRAFFIC = Traffic(PRICE, work_s=1.6, start_s=3, tail_s=5, requests_a_day=1_000, characters=700)


def test_a_request_alone_is_billed_for_start_work_and_tail_in_whole_seconds() -> None:
    cost = cost_alone(TRAFFIC)
    assert cost.seconds == 10
    assert cost.request == pytest.approx(10 * PRICE)
    assert cost_alone(replace(TRAFFIC, tail_s=15)).seconds == 20


def test_requests_without_a_gap_are_billed_for_their_work_alone() -> None:
    cost = cost_busy(TRAFFIC)
    assert cost.seconds == 1.6
    assert cost.request == pytest.approx(1.6 * PRICE)
    assert cost_busy(replace(TRAFFIC, tail_s=15, start_s=30)) == cost


def test_an_hour_a_million_characters_and_a_month_are_multiples_of_a_request() -> None:
    cost = cost_alone(TRAFFIC)
    assert cost.audio_hour == pytest.approx(cost.request * 72)  # 700 characters are 50 s of speech
    assert cost.million_characters == pytest.approx(cost.request * 1e6 / 700)
    assert cost.month == pytest.approx(cost.request * 30_000)


def test_hits_shorten_the_work_and_leave_start_and_tail() -> None:
    cached = replace(TRAFFIC, hit_rate=0.5, hit_s=0.1)
    assert cost_busy(cached).seconds == pytest.approx(0.85)
    assert cost_alone(cached).seconds == 9
    assert cost_alone(replace(cached, hit_rate=1)).seconds == 9


@pytest.mark.parametrize("cost_of", [cost_alone, cost_busy])
def test_at_break_even_a_month_costs_what_the_pod_costs(cost_of: Callable[[Traffic], Cost]) -> None:
    even = cost_of(TRAFFIC).break_even_requests_a_day
    assert even is not None
    assert cost_of(replace(TRAFFIC, requests_a_day=even)).month == pytest.approx(TRAFFIC.pod_month)


def test_a_pod_that_costs_more_than_a_worker_that_is_always_up_is_never_cheaper() -> None:
    always_up = PRICE * 86_400 * 30
    assert cost_alone(replace(TRAFFIC, pod_month=always_up + 1)).break_even_requests_a_day is None
    assert cost_alone(replace(TRAFFIC, pod_month=always_up - 1)).break_even_requests_a_day is not None
    free = replace(TRAFFIC, work_s=0, hit_s=0)
    assert cost_busy(free).break_even_requests_a_day is None


def test_the_workers_own_job_lines_give_the_real_figures() -> None:
    lines: list[dict[str, object]] = [
        {"job": "a", "characters": 100, "generation_time_ms": 1_500, "queue_ms": 500, "duration_ms": 7_000},
        {"job": "b", "characters": 300, "generation_time_ms": 3_000, "queue_ms": 0, "duration_ms": 9_000},
        {"job": "c", "characters": 200, "generation_time_ms": 4, "duration_ms": 9_000, "cache_hit": True},
        {"level": "INFO"},
    ]
    traffic = measured(lines, TRAFFIC)
    assert (traffic.work_s, traffic.hit_s, traffic.characters) == (2.0, 0.004, 200)
    assert math.isclose(traffic.hit_rate, 1 / 3)
    assert (traffic.price, traffic.tail_s) == (PRICE, 5)


def test_the_command_reads_a_log_with_other_lines_in_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "worker.log"
    job = {"job": "a", "characters": 140, "generation_time_ms": 700, "queue_ms": 0, "duration_ms": 10_000}
    log.write_text(f"starting {{\nINFO | {json.dumps(job)}\nnot json {{x}}\n", encoding="utf-8")
    assert main(["cost", "--log", str(log), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["traffic"]["work_s"] == 0.7
    log.write_text("nothing\n", encoding="utf-8")
    assert main(["cost", "--log", str(log)]) == 2
    assert "no line of a finished job" in capsys.readouterr().err


def test_an_option_wins_over_the_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "worker.log"
    log.write_text('{"generation_time_ms": 700, "duration_ms": 9000}', encoding="utf-8")
    assert main(["cost", "--log", str(log), "--work", "4", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["traffic"]["work_s"] == 4


def test_the_tail_that_is_counted_is_the_idle_timeout_that_deploy_sets() -> None:
    assert Traffic(PRICE).tail_s == DEFAULTS["workers.idleTimeout"]


def test_work_from_a_log_is_shown_to_the_millisecond(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "worker.log"
    jobs = [{"generation_time_ms": ms, "duration_ms": 900} for ms in (75, 76, 76)]
    log.write_text("\n".join(map(json.dumps, jobs)), encoding="utf-8")
    assert main(["cost", "--log", str(log)]) == 0
    assert "+ 0.076 s work +" in capsys.readouterr().out


def test_the_command_shows_its_arithmetic_and_both_bounds(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", "--price", "0.0002"]) == 0
    out = capsys.readouterr().out
    assert "3 s start + 2 s work + 15 s idle tail, billed as 20 s, of which the tail is 75%\n" in out
    assert "a request              $0.004000   $0.000400\n" in out
    assert "a month                   $12.00       $1.20\n" in out
    assert "a pod is cheaper           1,458      14,583  requests a day or more" in out
    assert main(["cost", "--price", "0.00001"]) == 0
    assert "a pod is cheaper           never       never" in capsys.readouterr().out


def test_the_command_gives_programs_the_same_figures(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", "--gpu", "L40S", "--requests", "50", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    traffic = Traffic(PRICES["L40S"], requests_a_day=50)
    assert report["alone"] == cost_alone(traffic).as_json()
    assert report["busy"] == cost_busy(traffic).as_json()


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--price", "-1", "-1 is not a number from 0"),
        ("--tail", "nan", "nan is not a number from 0"),
        ("--hit-rate", "1.5", "1.5 is not between 0 and 1"),
    ],
)
def test_numbers_out_of_range_are_refused(
    option: str, value: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["cost", option, value])
    assert message in capsys.readouterr().err

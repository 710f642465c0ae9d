"""What speech costs."""

import json
import math
import random
from pathlib import Path

import pytest
from chatterpod.cli import main
from chatterpod.costs import GUIDE, GUIDE_TABLE, Usage, billed_seconds, figures, usage_of
from chatterpod.deploying import DEFAULTS

PRICE = 0.0002


def test_the_guides_table_counts_two_seconds_of_work_and_eighteen_of_idle_tail() -> None:
    for requests, said in GUIDE_TABLE:
        assert requests * 30 * (GUIDE["work_s"] + GUIDE["tail_s"]) * GUIDE["price"] == pytest.approx(said)
        assert requests * 30 * GUIDE["work_s"] * GUIDE["price"] == pytest.approx(said / 10)


def test_a_request_alone_is_billed_for_start_work_and_tail_in_whole_seconds() -> None:
    made = figures(Usage(PRICE, work_s=1.6, start_s=3, tail_s=5))
    assert made.request_alone_s == 10
    assert made.request_alone == pytest.approx(10 * PRICE)


@pytest.mark.parametrize(
    ("jobs", "seconds"),
    [
        ([], 0),
        ([(0, 2)], 10),
        ([(0, 2), (1, 2)], 11),  # the second waits for the start, then shares the tail
        ([(0, 2), (100, 2)], 20),
        ([(100, 2), (0, 2)], 20),
        ([(0, 2), (9.5, 2)], 17),
        ([(0, 60), (10, 2)], 68),
    ],
)
def test_jobs_that_overlap_or_meet_in_a_tail_are_billed_once(
    jobs: list[tuple[float, float]], seconds: int
) -> None:
    assert billed_seconds(jobs, tail_s=5, start_s=3) == pytest.approx(seconds, abs=1)


def test_rare_requests_cost_as_alone_and_frequent_ones_hardly_more_than_the_worker() -> None:
    rare = figures(Usage(PRICE, tail_s=5, requests_a_day=1))
    assert rare.request == pytest.approx(10 * PRICE, rel=0.01)
    assert rare.cold_share == pytest.approx(1, abs=0.001)
    busy = figures(Usage(PRICE, requests_a_day=1_000_000))
    assert busy.month == pytest.approx(86_400 * 30 * PRICE, rel=0.01)
    assert busy.cold_share < 0.01


def test_the_model_agrees_with_counting_out_random_arrivals() -> None:
    chance, usage = random.Random(3), Usage(PRICE, requests_a_day=4_000)  # noqa: S311 - arrivals
    arrivals, now = [], 0.0
    for _ in range(20_000):
        now += chance.expovariate(usage.requests_a_day / 86_400)
        arrivals.append((now, usage.work_s))
    billed = billed_seconds(arrivals, usage.tail_s, usage.start_s) * PRICE / len(arrivals)
    assert figures(usage).request == pytest.approx(billed, rel=0.03)


def test_hits_make_it_cheaper_and_break_even_lies_where_the_month_costs_the_pod() -> None:
    usage = Usage(PRICE, requests_a_day=1_000)
    made = figures(usage)
    assert figures(Usage(PRICE, requests_a_day=1_000, hit_rate=0.5)).month < made.month
    even = made.break_even_requests_a_day
    assert even is not None
    assert figures(Usage(PRICE, requests_a_day=even)).month == pytest.approx(usage.pod_month, rel=0.01)
    assert figures(Usage(0.00001)).break_even_requests_a_day is None


def test_the_workers_own_job_lines_give_the_real_figures() -> None:
    lines: list[dict[str, object]] = [
        {"job": "a", "characters": 100, "generation_time_ms": 1_500, "queue_ms": 500, "duration_ms": 7_000},
        {"job": "b", "characters": 300, "generation_time_ms": 3_000, "queue_ms": 0, "duration_ms": 9_000},
        {"job": "c", "characters": 200, "generation_time_ms": 4, "duration_ms": 9_000, "cache_hit": True},
        {"level": "INFO"},
    ]
    usage = usage_of(lines, Usage(PRICE))
    assert (usage.work_s, usage.hit_s, usage.characters) == (2.0, 0.004, 200)
    assert math.isclose(usage.hit_rate, 1 / 3)


def test_the_command_reads_a_log_with_other_lines_in_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "worker.log"
    job = {"job": "a", "characters": 140, "generation_time_ms": 700, "queue_ms": 0, "duration_ms": 10_000}
    log.write_text(f"starting {{\nINFO | {json.dumps(job)}\nnot json {{x}}\n", encoding="utf-8")
    assert main(["cost", "--log", str(log), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["usage"]["work_s"] == 0.7
    log.write_text("nothing\n", encoding="utf-8")
    assert main(["cost", "--log", str(log)]) == 2
    assert "no line of a finished job" in capsys.readouterr().err


def test_the_tail_that_is_counted_is_the_idle_timeout_that_deploy_sets() -> None:
    assert Usage(PRICE).tail_s == DEFAULTS["workers.idleTimeout"]


def test_work_from_a_log_is_told_to_the_millisecond(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "worker.log"
    jobs = [{"generation_time_ms": ms, "duration_ms": 900} for ms in (75, 76, 76)]
    log.write_text("\n".join(map(json.dumps, jobs)), encoding="utf-8")
    assert main(["cost", "--log", str(log)]) == 0
    assert "+ 0.076 s work +" in capsys.readouterr().out


def test_the_command_shows_its_arithmetic_and_the_guides(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", "--price", "0.0002"]) == 0
    assert "$0.004000 = 3 s start + 2 s work + 15 s idle tail, billed as 20 s" in capsys.readouterr().out
    assert main(["cost", "--guide"]) == 0
    assert "20 s a request: 2 s of work and about 18 s of idle tail" in capsys.readouterr().out

from itertools import product

import pytest

from localpod.queue import FINAL, KEPT_S, TRANSITIONS, IllegalEventError, JobEvent, JobState, Queue, QueuedJob

LEGAL = {
    (JobState.IN_QUEUE, JobEvent.TAKEN): JobState.IN_PROGRESS,
    (JobState.IN_QUEUE, JobEvent.RAISED): JobState.FAILED,
    (JobState.IN_QUEUE, JobEvent.CANCELLED): JobState.CANCELLED,
    (JobState.IN_QUEUE, JobEvent.EXPIRED): JobState.TIMED_OUT,
    (JobState.IN_PROGRESS, JobEvent.FINISHED): JobState.COMPLETED,
    (JobState.IN_PROGRESS, JobEvent.RAISED): JobState.FAILED,
    (JobState.IN_PROGRESS, JobEvent.CANCELLED): JobState.CANCELLED,
    (JobState.IN_PROGRESS, JobEvent.EXPIRED): JobState.TIMED_OUT,
    (JobState.IN_PROGRESS, JobEvent.LOST): JobState.IN_QUEUE,
    (JobState.FAILED, JobEvent.RETRIED): JobState.IN_QUEUE,
    (JobState.TIMED_OUT, JobEvent.RETRIED): JobState.IN_QUEUE,
}


def new_job(
    name: str = "a", *, sync: bool = False, execution_s: float = 600, ttl_s: float = 86400
) -> QueuedJob:
    return QueuedJob(name, {"input": {"text": "hi"}}, sync, 0.0, execution_s, ttl_s)


def queue_of(*jobs: QueuedJob) -> Queue:
    queue = Queue()
    for job in jobs:
        queue.submit(job)
    return queue


@pytest.mark.parametrize(("state", "event"), list(product(JobState, JobEvent)))
def test_every_pair_of_state_and_event_does_what_the_table_says(state: JobState, event: JobEvent) -> None:
    job = new_job()
    job.state = state
    if (state, event) in LEGAL:
        job.apply(event)
        assert job.state is LEGAL[state, event]
    else:
        with pytest.raises(IllegalEventError, match=f"a job that is {state} cannot be {event}"):
            job.apply(event)
        assert job.state is state


def test_every_state_has_a_row_and_the_final_ones_leave_only_by_a_retry() -> None:
    assert set(TRANSITIONS) == set(JobState)
    assert all(set(TRANSITIONS[state]) <= {JobEvent.RETRIED} for state in FINAL)


def test_jobs_are_taken_in_the_order_in_which_they_came() -> None:
    queue = queue_of(new_job("a"), new_job("b"), new_job("c"))
    assert [job.id for job in queue.take("w", 2, 1.0)] == ["a", "b"]
    assert [job.id for job in queue.take("w", 2, 1.0)] == ["c"]
    assert queue.take("w", 2, 1.0) == []


def test_a_job_that_the_worker_may_still_be_running_is_left_for_later() -> None:
    queue = queue_of(new_job("a"), new_job("b"))
    assert [job.id for job in queue.take("w", 2, 1.0, barred=["a"])] == ["b"]
    assert [job.id for job in queue.take("w", 2, 1.0)] == ["a"]


def test_jobs_of_a_lost_worker_go_to_the_front_in_their_order() -> None:
    queue = queue_of(new_job("a"), new_job("b"), new_job("c"))
    queue.take("w", 2, 1.0)
    queue.lose("w", 2.0)
    assert [(job.id, job.retries) for job in queue.take("v", 3, 3.0)] == [("a", 1), ("b", 1), ("c", 0)]


def test_a_job_lost_twice_has_failed_and_is_not_run_for_ever() -> None:
    job = new_job()
    queue = queue_of(job)
    for now in (1.0, 2.0):
        queue.take("w", 1, now)
        queue.lose("w", now)
    assert job.state is JobState.FAILED
    assert job.error == "worker was lost while running the job, after 1 retries"


def test_the_records_of_a_lost_attempt_stay_in_front_of_the_next_ones() -> None:
    job = new_job()
    queue = queue_of(job)
    queue.take("w", 1, 1.0)
    queue.add_item("a", "w", b"1")
    queue.lose("w", 2.0)
    queue.take("v", 1, 3.0)
    assert not queue.add_item("a", "w", b"late")
    queue.add_item("a", "v", b"2")
    queue.finish("a", "v", {"output": ["2"]}, 4.0)
    assert (list(job.items), job.output) == ([b"1", b"2"], ["2"])


@pytest.mark.parametrize("result", [{"output": []}, {"error": "no"}])
def test_what_comes_after_a_cancel_is_ignored(result: dict[str, object]) -> None:
    job = new_job()
    queue = queue_of(job)
    queue.take("w", 1, 1.0)
    queue.cancel(job, 2.0)
    assert not queue.finish("a", "w", result, 3.0)
    assert not queue.add_item("a", "w", b"late")
    assert not queue.add_progress("a", "w", "late")
    assert (job.state, job.output, job.error, list(job.items)) == (JobState.CANCELLED, None, None, [])


def test_cancelling_a_job_that_has_ended_changes_nothing() -> None:
    job = new_job()
    queue = queue_of(job)
    queue.take("w", 1, 1.0)
    queue.finish("a", "w", {"output": 1}, 2.0)
    queue.cancel(job, 3.0)
    assert (job.state, job.output, job.ended_at) == (JobState.COMPLETED, 1, 2.0)


def test_a_job_times_out_when_it_has_run_for_its_execution_timeout() -> None:
    job = new_job(execution_s=10)
    queue = queue_of(job)
    queue.take("w", 1, 100.0)
    assert queue.expire(109.9) == []
    assert queue.expire(110.0) == [job]
    assert (job.state, job.error) == (JobState.TIMED_OUT, "job exceeded its executionTimeout of 10000 ms")


def test_a_job_times_out_in_the_queue_when_its_ttl_is_over() -> None:
    job = new_job(ttl_s=10)
    queue = queue_of(job)
    assert queue.expire(10.0) == [job]
    assert (job.state, queue.take("w", 1, 11.0)) == (JobState.TIMED_OUT, [])


def test_a_retry_begins_anew_with_nothing_of_the_old_output() -> None:
    job = new_job()
    queue = queue_of(job)
    queue.take("w", 1, 1.0)
    queue.add_item("a", "w", b"1")
    queue.finish("a", "w", {"error": "boom"}, 2.0)
    queue.retry(job, 3.0)
    assert (job.state, list(job.items), job.error) == (JobState.IN_QUEUE, [], None)
    assert queue.take("w", 1, 4.0) == [job]


def test_a_purge_cancels_what_waits_and_leaves_what_runs() -> None:
    running, waiting = new_job("a"), new_job("b")
    queue = queue_of(running, waiting)
    queue.take("w", 1, 1.0)
    assert queue.purge(2.0) == [waiting]
    assert (running.state, waiting.state) == (JobState.IN_PROGRESS, JobState.CANCELLED)


@pytest.mark.parametrize("sync", [False, True])
def test_results_are_forgotten_after_their_time_but_stay_counted(sync: bool) -> None:  # noqa: FBT001
    queue = queue_of(new_job(sync=sync))
    queue.take("w", 1, 1.0)
    queue.finish("a", "w", {"output": 1}, 2.0)
    assert queue.prune(2.0 + KEPT_S[sync] - 1) == []
    assert queue.prune(2.0 + KEPT_S[sync]) == ["a"]
    assert (queue.jobs, queue.ended[JobState.COMPLETED]) == ({}, 1)


def test_jobs_that_have_not_ended_are_never_forgotten() -> None:
    queue = queue_of(new_job("a"), new_job("b"))
    queue.take("w", 1, 1.0)
    assert queue.prune(1e9) == []

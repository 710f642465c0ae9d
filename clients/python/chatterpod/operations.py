"""RunPod's operations on jobs as flows, from submission to the last record. No I/O."""

from collections.abc import Mapping
from typing import Any

from chatterpod.errors import ApiError, Incomplete, JobFailed, JobTimedOut
from chatterpod.flow import Flow, HeldTooLong, HttpAnswer, NoAnswer, Send, Session, Wait, call, now
from chatterpod.pace import Polling, back_off
from chatterpod.protocol import FINAL, Reception, check_ended, records_of
from chatterpod.request import body_of, text_of
from chatterpod.speech import Speech

__all__ = [
    "OpenJobs",
    "cancel",
    "cancel_open",
    "finished",
    "health",
    "operate",
    "receive",
    "result",
    "speak",
    "speech_of",
    "spoken",
    "status",
    "submit",
]

SHORT = 500  # characters: a text up to this is spoken within one /runsync
SYNC_WAIT_MS = 55_000  # RunPod holds /runsync up to 90 s, but proxies before it hold it less
SUBMISSIONS = 3  # of one speech whose jobs fail in ways that may pass


class OpenJobs(set[str]):
    """The ids of submitted jobs that have not ended: leaving early cancels them."""

    def note(self, send: Send, answer: HttpAnswer | NoAnswer) -> None:
        """Add a job as soon as its id is known, even if nothing waits for the answer any more."""
        if send.operation == "run" and isinstance(answer, HttpAnswer) and isinstance(answer.content, dict):
            job = answer.content.get("id")
            if isinstance(job, str):
                self.add(job)


def submit(session: Session, job_input: Mapping[str, Any]) -> Flow[str]:
    """Queue a job; return its id."""
    answer = yield from call(session, "POST", "/run", body_of(job_input))
    return job_id(answer)


def job_id(answer: HttpAnswer) -> str:
    """Return the id in the answer to a submission.

    Raises:
        ApiError: It has no id.
    """
    job = answer.content.get("id")
    if not isinstance(job, str) or not job:
        raise ApiError("the endpoint accepted the job but returned no id", answer.status)
    return job


def status(session: Session, job: str) -> Flow[dict[str, Any]]:
    """Return RunPod's reply about the job's state."""
    answer = yield from call(session, "GET", f"/status/{job}")
    return dict(answer.content)


def cancel(session: Session, job: str) -> Flow[None]:
    """Cancel the job; a job that has ended stays as it is."""
    yield from call(session, "POST", f"/cancel/{job}")


def cancel_open(session: Session, jobs: OpenJobs) -> Flow[None]:
    """Cancel all open jobs; a job that cannot be cancelled is left to end by itself."""
    while jobs:  # a submission under way may add one
        try:
            yield from cancel(session, jobs.pop())
        except ApiError:
            continue


def health(session: Session) -> Flow[dict[str, Any]]:
    """Return the endpoint's counts of jobs and workers."""
    answer = yield from call(session, "GET", "/health")
    return dict(answer.content)


def receive(session: Session, job: str, reception: Reception) -> Flow[None]:
    """Yield a job's chunks from the first that the reception does not have to the last.

    Raises:
        ChatterpodError: One of its kinds.
    """
    polling, began = Polling(), (yield from now())
    while not reception.done:
        asks_status = reception.needs_status
        answer = yield from call(session, "GET", f"/{'status' if asks_status else 'stream'}/{job}")
        take = reception.take_status if asks_status else reception.take_stream
        yield from take(answer.content)
        if reception.done:
            return
        check_timeout(session, answer.at - began)
        brought = not asks_status and bool(answer.content.get("stream"))
        queued = answer.content.get("status") == "IN_QUEUE"
        over = reception.needs_status and not asks_status
        yield Wait(0.0 if over else polling.wait(answer.took, brought=brought, queued=queued))


def check_timeout(session: Session, seconds: float) -> None:
    """Check how long a job has taken.

    Raises:
        JobTimedOut: Longer than the client's timeout.
    """
    if seconds > session.timeout:
        raise JobTimedOut(f"the job was not done within {session.timeout:g} s")


def spoken(session: Session, job_input: Mapping[str, Any], jobs: OpenJobs) -> Flow[None]:
    """Submit a speech and yield its chunks; submit it again if it fails in a way that may pass.

    Raises:
        ChatterpodError: One of its kinds.
    """
    reception = Reception()
    for tried in range(1, SUBMISSIONS + 1):
        job = yield from submit(session, job_input)
        jobs.add(job)
        try:
            yield from receive(session, job, reception)
        except (JobFailed, Incomplete) as error:
            jobs.discard(job)
            if tried == SUBMISSIONS or not (isinstance(error, Incomplete) or error.passing):
                raise
            reception.begin_again()
            yield Wait(back_off(tried, session.random))
        else:
            jobs.discard(job)
            return


def result(session: Session, job: str) -> Flow[dict[str, Any]]:
    """Poll until a job is completed; return RunPod's reply, with the job's records in `output`.

    Raises:
        ChatterpodError: One of its kinds.
    """
    polling, began = Polling(), (yield from now())
    while True:
        answer = yield from call(session, "GET", f"/status/{job}")
        if check_ended(answer.content):
            return dict(answer.content)
        check_timeout(session, answer.at - began)
        queued = answer.content.get("status") == "IN_QUEUE"
        yield Wait(polling.wait(answer.took, brought=False, queued=queued))


def run_sync(session: Session, job_input: Mapping[str, Any], jobs: OpenJobs) -> Flow[dict[str, Any]]:
    """Run a job by /runsync, then by polling if it takes longer; return what `result` returns."""
    try:
        answer = yield from call(session, "POST", f"/runsync?wait={SYNC_WAIT_MS}", body_of(job_input))
    except HeldTooLong:
        job = yield from submit(session, job_input)
    else:
        if answer.content.get("status") in FINAL and check_ended(answer.content):
            return dict(answer.content)
        job = job_id(answer)
    jobs.add(job)
    return (yield from result(session, job))


def whole(session: Session, given: Mapping[str, Any], jobs: OpenJobs) -> Flow[dict[str, Any]]:
    """Run a job by the way that suits its length; return as `result`.

    An operation is submitted and polled: the job id of an abandoned /runsync is never known.
    """
    if "op" not in given and len(text_of(given)) <= SHORT:
        return (yield from run_sync(session, given, jobs))
    job = yield from submit(session, given)
    jobs.add(job)
    return (yield from result(session, job))


def finished(session: Session, job_input: Mapping[str, Any], jobs: OpenJobs) -> Flow[dict[str, Any]]:
    """Run a job as `whole` does; run it again if it fails in a way that may pass."""
    for tried in range(1, SUBMISSIONS + 1):
        try:
            reply = yield from whole(session, job_input, jobs)
        except JobFailed as error:
            jobs.clear()
            if tried == SUBMISSIONS or not error.passing:
                raise
            yield Wait(back_off(tried, session.random))
        else:
            jobs.clear()
            return reply
    raise AssertionError("a job has at least one submission")


def speak(session: Session, job_input: Mapping[str, Any], jobs: OpenJobs) -> Flow[Speech]:
    """Speak in one job; return the whole file.

    Raises:
        ChatterpodError: One of its kinds.
    """
    return speech_of((yield from finished(session, {**job_input, "stream": False}, jobs)))


def operate(session: Session, job_input: Mapping[str, Any], jobs: OpenJobs) -> Flow[dict[str, Any]]:
    """Run one of the worker's operations; return its record.

    Raises:
        ChatterpodError: One of its kinds.
    """
    records = records_of((yield from finished(session, job_input, jobs)).get("output"))
    if not records:
        raise Incomplete("the operation is done, but its record is missing")
    return records[-1]


def speech_of(reply: Mapping[str, Any]) -> Speech:
    """Return the speech in a completed job's reply, as `result` returns it.

    Raises:
        Incomplete: Records are missing.
    """
    chunks = Reception().take_status(reply)
    if not chunks:
        raise Incomplete("the job is done, but it has no records")
    summary = dict(chunks[-1].summary or {})
    segments = tuple(segment for chunk in chunks for segment in chunk.segments)
    audio = b"".join(chunk.audio for chunk in chunks)
    return Speech(audio, int(summary.get("duration_ms", 0)), segments, summary)

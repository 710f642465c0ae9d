"""RunPod's operations as flows: one job from its submission to its last record. No I/O."""

from collections.abc import Mapping
from typing import Any

from chatterpod.errors import ApiError, Incomplete, JobFailed, JobTimedOut
from chatterpod.flow import Answer, Flow, HeldTooLong, NoAnswer, Send, Session, Wait, call, now
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

SHORT = 500  # characters that /runsync answers in one go
SYNC_WAIT_MS = 55_000  # RunPod holds /runsync up to 90 s, and gateways before it less
SUBMISSIONS = 3  # of one speech whose jobs fail in ways that pass


class OpenJobs(set[str]):
    """The jobs that a reader who leaves must cancel."""

    def note(self, send: Send, answer: Answer | NoAnswer) -> None:
        """Take note of a job as soon as its id is known, whoever still waits for the answer."""
        if send.operation == "run" and isinstance(answer, Answer) and isinstance(answer.content, dict):
            job = answer.content.get("id")
            if isinstance(job, str):
                self.add(job)


def submit(session: Session, given: Mapping[str, Any]) -> Flow[str]:
    """Queue a job; return its id."""
    answer = yield from call(session, "POST", "/run", body_of(given))
    return job_id(answer)


def job_id(answer: Answer) -> str:
    """Return the id in the answer to a submission.

    Raises:
        ApiError: There is none.
    """
    job = answer.content.get("id")
    if not isinstance(job, str) or not job:
        raise ApiError("the endpoint took the job and named no id", answer.status)
    return job


def status(session: Session, job: str) -> Flow[dict[str, Any]]:
    """Return the job's state as RunPod gives it."""
    answer = yield from call(session, "GET", f"/status/{job}")
    return dict(answer.content)


def cancel(session: Session, job: str) -> Flow[None]:
    """Cancel the job; one that has ended stays as it is."""
    yield from call(session, "POST", f"/cancel/{job}")


def cancel_open(session: Session, jobs: OpenJobs) -> Flow[None]:
    """Cancel the jobs that nobody reads any more; one that cannot be ends by itself."""
    while jobs:  # one that is submitted meanwhile is noted meanwhile
        try:
            yield from cancel(session, jobs.pop())
        except ApiError:
            continue


def health(session: Session) -> Flow[dict[str, Any]]:
    """Return the endpoint's counts of jobs and workers."""
    answer = yield from call(session, "GET", "/health")
    return dict(answer.content)


def receive(session: Session, job: str, reception: Reception) -> Flow[None]:
    """Yield a job's chunks, from where the reception has got to until the last.

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
        check_patience(session, answer.at - began)
        brought = not asks_status and bool(answer.content.get("stream"))
        queued = answer.content.get("status") == "IN_QUEUE"
        over = reception.needs_status and not asks_status
        yield Wait(0.0 if over else polling.wait(answer.took, brought=brought, queued=queued))


def check_patience(session: Session, seconds: float) -> None:
    """Raise when a job has taken longer than this client waits.

    Raises:
        JobTimedOut: It has.
    """
    if seconds > session.timeout:
        raise JobTimedOut(f"the job was not done within {session.timeout:g} s")


def spoken(session: Session, given: Mapping[str, Any], jobs: OpenJobs) -> Flow[None]:
    """Submit a speech and yield its chunks; submit it again where its failure may pass.

    Raises:
        ChatterpodError: One of its kinds.
    """
    reception = Reception()
    for tried in range(1, SUBMISSIONS + 1):
        job = yield from submit(session, given)
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
    """Wait for a job's end; return RunPod's reply, with its records in `output`.

    Raises:
        ChatterpodError: One of its kinds.
    """
    polling, began = Polling(), (yield from now())
    while True:
        answer = yield from call(session, "GET", f"/status/{job}")
        if check_ended(answer.content):
            return dict(answer.content)
        check_patience(session, answer.at - began)
        queued = answer.content.get("status") == "IN_QUEUE"
        yield Wait(polling.wait(answer.took, brought=False, queued=queued))


def at_once(session: Session, given: Mapping[str, Any], jobs: OpenJobs) -> Flow[dict[str, Any]]:
    """Run a job by /runsync, and go on by polling where it takes longer; return as `result`."""
    try:
        answer = yield from call(session, "POST", f"/runsync?wait={SYNC_WAIT_MS}", body_of(given))
    except HeldTooLong:
        job = yield from submit(session, given)
    else:
        if answer.content.get("status") in FINAL and check_ended(answer.content):
            return dict(answer.content)
        job = job_id(answer)
    jobs.add(job)
    return (yield from result(session, job))


def whole(session: Session, given: Mapping[str, Any], jobs: OpenJobs) -> Flow[dict[str, Any]]:
    """Run a job by the way that suits its length; return as `result`.

    An operation is submitted and polled for: of a /runsync that is left, nobody learns the job's id.
    """
    if "op" not in given and len(text_of(given)) <= SHORT:
        return (yield from at_once(session, given, jobs))
    job = yield from submit(session, given)
    jobs.add(job)
    return (yield from result(session, job))


def finished(session: Session, given: Mapping[str, Any], jobs: OpenJobs) -> Flow[dict[str, Any]]:
    """Run a job as `whole` does, and once more where its failure may pass."""
    for tried in range(1, SUBMISSIONS + 1):
        try:
            reply = yield from whole(session, given, jobs)
        except JobFailed as error:
            jobs.clear()
            if tried == SUBMISSIONS or not error.passing:
                raise
            yield Wait(back_off(tried, session.random))
        else:
            jobs.clear()
            return reply
    raise AssertionError("a speech has at least one submission")


def speak(session: Session, given: Mapping[str, Any], jobs: OpenJobs) -> Flow[Speech]:
    """Speak in one job; return the whole file.

    Raises:
        ChatterpodError: One of its kinds.
    """
    return speech_of((yield from finished(session, {**given, "stream": False}, jobs)))


def operate(session: Session, given: Mapping[str, Any], jobs: OpenJobs) -> Flow[dict[str, Any]]:
    """Run one of the worker's operations; return its record.

    Raises:
        ChatterpodError: One of its kinds.
    """
    records = records_of((yield from finished(session, given, jobs)).get("output"))
    if not records:
        raise Incomplete("the operation is done, but its record never came")
    return records[-1]


def speech_of(reply: Mapping[str, Any]) -> Speech:
    """Return a completed job's records, as /status has them, as one speech.

    Raises:
        Incomplete: Some are missing.
    """
    chunks = Reception().take_status(reply)
    if not chunks:
        raise Incomplete("the job is done, but nothing of it came")
    summary = dict(chunks[-1].summary or {})
    segments = tuple(segment for chunk in chunks for segment in chunk.segments)
    audio = b"".join(chunk.audio for chunk in chunks)
    return Speech(audio, int(summary.get("duration_ms", 0)), segments, summary)

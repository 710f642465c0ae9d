/**
 * Client of the chatterpod text-to-speech worker on RunPod Serverless: one file that needs only `fetch`.
 *
 * It runs as it is in Deno, in Node from 22.18 on, and in everything that bundles TypeScript (Workers,
 * Vercel, Next); for a plain Node 20, `deno transpile` or any bundler takes the types off. It holds only
 * syntax that can be erased.
 *
 * A GET of /stream drains: what a lost reply held is gone from it, so gaps are filled from /status, whose
 * `output` is all records of the job. When the platform runs a job again, its records come anew under
 * another `attempt`. What was given out already is skipped: by bytes while the new audio is the same; and
 * where an engine that is not exact spoke it a little differently, by time: it goes on with the first
 * segment that was not heard, less the silence before it that was.
 */

/** The worker's input: `text` or `turns`, and how to speak it; every field as in docs/reference/api.md. */
export interface Input {
  text?: string;
  turns?: { text: string; voice?: string; pause_ms?: number }[];
  voice?: string;
  language?: string;
  format?: "mp3" | "pcm";
  speed?: number;
  seed?: number;
  bit_rate?: number;
  [field: string]: unknown;
}

/** Bytes that a Response takes, whatever the version of TypeScript. */
export type Bytes = ReturnType<typeof Uint8Array.from>;

/** What is said when; offsets are code points of the text, times milliseconds of the speech. */
export interface Segment {
  text: string;
  char_start: number;
  char_end: number;
  start_ms: number;
  end_ms: number;
  turn?: number;
  voice?: string;
}

/** What the worker tells at the end of a job. */
export interface Summary {
  duration_ms: number;
  cache_hit: boolean;
  cache_key: string;
  engine: string;
  warnings: string[];
  [field: string]: unknown;
}

/** A piece of the speech: whole frames, and what begins in them; the summary comes with the last. */
export interface Chunk {
  audio: Bytes;
  startMs: number;
  endMs: number;
  segments: Segment[];
  summary: Summary | null;
}

/** A whole speech. */
export interface Speech {
  audio: Bytes;
  segments: Segment[];
  summary: Summary;
}

/** What RunPod's envelope holds beside the input, and who may stop waiting. */
export interface JobOptions {
  signal?: AbortSignal;
  webhook?: string;
  policy?: { executionTimeout?: number; ttl?: number; lowPriority?: boolean };
}

export interface ClientOptions {
  endpointId: string;
  apiKey: string;
  baseUrl?: string;
  /** Milliseconds after which a job is given up and cancelled. */
  timeoutMs?: number;
  fetch?: typeof fetch;
  sleep?: (milliseconds: number) => Promise<void>;
  /** Where a runtime ends with the response (Supabase, Workers): what keeps it until a job is cancelled. */
  waitUntil?: (work: Promise<unknown>) => void;
}

/**
 * What can go wrong; `code` is the worker's (`invalid_input`, `unknown_voice` …), or one of no_endpoint,
 * no_key, unauthorized, not_found, http_error, unreachable, failed, cancelled, timed_out, incomplete.
 * No message holds the key.
 */
export class ChatterpodError extends Error {
  readonly code: string;
  readonly status: number | null;

  constructor(code: string, message: string, status: number | null = null) {
    super(message);
    this.name = "ChatterpodError";
    this.code = code;
    this.status = status;
  }
}

type Json = Record<string, unknown>;

const FINAL = new Set(["COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"]);
const PASSING = new Set([408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524]);
const TRIES = 10; // of one request that meets trouble of the passing kind
const HELD_ANSWER_MS = 200; // an answer that took so long was held by the endpoint: no need to wait again
const READ_MS = 100_000; // the endpoint may hold a GET for 90 s
const SYNC_WAIT_MS = 55_000; // RunPod holds /runsync up to 90 s, and gateways before it less
const SHORT = 500; // characters that /runsync answers in one go
const WINDOW_MS = 10_000;
const HELD_MS = 200; // of a segment's end may still be in the encoder when its record goes out
const LEAD_MS = 60; // frames draw on bytes of the two before them: those must be of the same take
const FRAME_MS = 24; // 576 samples at 24 kHz
const LAG_MS = 46; // decoded MP3 is so much later than the speech: 1105 samples
const PCM_BYTES = 48; // a millisecond
/** kbit/s by the four bits of a frame's header: ISO/IEC 13818-3, Layer III. */
const RATES = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
/** Requests in ten seconds: half of RunPod's limits on an endpoint, which others use too. */
const LIMITS: Record<string, number> = { run: 500, runsync: 1000, status: 1000, stream: 1000, cancel: 50 };

/** Takes replies of /stream and /status; gives out chunks in order, each piece once. No I/O, no clock. */
export class Reception {
  done = false;
  #attempt: unknown = undefined;
  #next = 0;
  #held = new Map<number, Json>(); // came before one that is missing
  #given: Bytes[] = [];
  #givenMs = 0;
  #told: Segment[] = []; // segments of what was given
  #heard = -1; // the place of the last of them that was given to its end
  #silentFrom = 0; // when that one ended
  #repeatedTo = 0; // on this attempt's clock: when what was heard ends in it
  #known: Bytes = new Uint8Array(0); // what earlier attempts gave
  #at = 0; // bytes of this attempt taken so far
  #same = true; // what this attempt repeats is what was given
  #joined = true; // this attempt has reached what was not given yet
  #shiftMs = 0; // of this attempt's times
  #ended = false;

  /** Whether /stream cannot bring the rest: records are missing, or the job is over. */
  get needsStatus(): boolean {
    return !this.done && (this.#held.size > 0 || this.#ended);
  }

  /** Take a reply of /stream; return the chunks that are now in order. */
  takeStream(reply: Json): Chunk[] {
    const items = Array.isArray(reply.stream) ? reply.stream : [];
    const chunks = this.#take(items.map((item) => item?.output));
    this.#ended = FINAL.has(String(reply.status)) && items.length === 0;
    return chunks;
  }

  /** Take a reply of /status; return the chunks that it fills in; throw what the job failed of. */
  takeStatus(reply: Json): Chunk[] {
    if (!checkEnded(reply)) return [];
    const chunks = this.#take(recordsOf(reply.output));
    if (!this.done) {
      throw new ChatterpodError("incomplete", `the job is done, but record ${this.#next} of it never came`);
    }
    return chunks;
  }

  #take(records: unknown[]): Chunk[] {
    const chunks: Chunk[] = [];
    for (const item of records) {
      const record = item as Json | null;
      if (typeof record !== "object" || typeof record?.seq !== "number" || this.done) continue;
      if (record.attempt !== this.#attempt) this.#newAttempt(record.attempt);
      if (record.seq >= this.#next) this.#held.set(record.seq, record);
      let ready: Json | undefined;
      while (!this.done && (ready = this.#held.get(this.#next)) !== undefined) {
        this.#held.delete(this.#next);
        this.#next += 1;
        const chunk = this.#give(ready);
        if (chunk !== null) chunks.push(chunk);
      }
    }
    return chunks;
  }

  #newAttempt(attempt: unknown): void {
    this.#attempt = attempt;
    this.#next = this.#at = 0;
    this.#shiftMs = this.#repeatedTo = 0;
    this.#held.clear();
    this.#known = concat(this.#given);
    this.#given = [this.#known];
    this.#same = true;
    this.#joined = this.#known.length === 0;
    const heard = this.#told.filter((segment) => segment.end_ms <= this.#givenMs + HELD_MS);
    this.#heard = Math.max(-1, ...heard.map(place));
    this.#silentFrom = Math.max(0, ...heard.map((segment) => segment.end_ms));
  }

  #give(record: Json): Chunk | null {
    const audio = audioOf(record);
    this.done = record.final === true;
    const [fresh, news] = this.#fresh(record, audio, (record.segments as Segment[] | undefined) ?? []);
    if (fresh.length === 0 && !this.done) return null;
    const startMs = Math.max(Number(record.start_ms ?? 0) + this.#shiftMs, this.#givenMs);
    const endMs = Math.max(Number(record.end_ms ?? 0) + this.#shiftMs, startMs);
    const segments = news.map((segment) => moved(segment, this.#shiftMs));
    this.#given.push(fresh);
    this.#givenMs = endMs;
    this.#told.push(...segments);
    return { audio: fresh, startMs, endMs, segments, summary: this.done ? this.#summary(record) : null };
  }

  /** Return what of a record was not given yet: by bytes while it is the same audio, then by time. */
  #fresh(record: Json, audio: Bytes, segments: Segment[]): [Bytes, Segment[]] {
    if (this.#joined) return [audio, segments];
    const at = this.#at;
    this.#at += audio.length;
    const known = this.#known.subarray(at, at + audio.length);
    this.#same = this.#same && known.every((byte, n) => byte === audio[n]);
    if (this.#same) {
      this.#joined = this.#at >= this.#known.length;
      const told = Math.max(-1, ...this.#told.map(place));
      return [audio.subarray(known.length), segments.filter((segment) => place(segment) > told)];
    }
    const news = segments.filter((segment) => place(segment) > this.#heard);
    const old = segments.filter((segment) => place(segment) <= this.#heard);
    this.#repeatedTo = Math.max(this.#repeatedTo, ...old.map((segment) => segment.end_ms));
    if (news.length === 0) return [new Uint8Array(0), []];
    this.#joined = true;
    const pauseMs = news[0].start_ms - this.#repeatedTo - (this.#givenMs - this.#silentFrom);
    const startMs = at > 0 ? Number(record.start_ms ?? 0) : null;
    const [fresh, freshMs] = later(audio, startMs, news[0].start_ms, pauseMs);
    this.#shiftMs = this.#givenMs - freshMs;
    return [fresh, news];
  }

  #summary(record: Json): Summary {
    const summary = summaryOf(record);
    if (this.#shiftMs !== 0) {
      summary.duration_ms = Number(summary.duration_ms ?? 0) + this.#shiftMs;
      summary.size_bytes = this.#given.reduce((size, part) => size + part.length, 0);
    }
    return summary;
  }
}

/** Talks to one endpoint. */
export class Chatterpod {
  readonly #url: string;
  readonly #options: ClientOptions;
  readonly #asked = new Map<string, number[]>();

  constructor(options: ClientOptions) {
    if (!/^[A-Za-z0-9_-]+$/.test(options.endpointId ?? "")) {
      throw new ChatterpodError(
        "no_endpoint",
        "endpointId is not an endpoint's id, expected letters and digits",
      );
    }
    if (!/^[!-~]+$/.test(options.apiKey ?? "")) {
      throw new ChatterpodError("no_key", "apiKey is empty, or has characters that no key has");
    }
    const base = (options.baseUrl || "https://api.runpod.ai/v2").replace(/\/+$/, "");
    this.#url = `${base}/${options.endpointId}`;
    this.#options = options;
  }

  /** Queue a job; return its id. */
  async submit(input: Input, options: JobOptions = {}): Promise<string> {
    return jobId(await this.#call("POST", "/run", envelope(input, options)));
  }

  /** Speak, and give the audio out as it is made; leaving early, or `signal`, cancels the job. */
  async *stream(input: Input, options: JobOptions = {}): AsyncGenerator<Chunk, void, void> {
    const { signal } = options;
    signal?.throwIfAborted();
    // Not aborted: a submission that is on its way may arrive, and then has to be cancelled by its id.
    const submitted = this.submit({ stream: true, ...input }, options);
    let ended = false;
    try {
      for await (const chunk of this.receive(await abortable(submitted, signal), signal)) {
        ended ||= chunk.summary !== null;
        yield chunk;
      }
      ended = true;
    } catch (error) {
      ended = error instanceof ChatterpodError && error.code !== "timed_out";
      throw error;
    } finally {
      if (!ended) this.#leave(submitted);
    }
  }

  /** Yield the audio of a job that was submitted, from where its /stream has got to. */
  async *receive(job: string, signal?: AbortSignal): AsyncGenerator<Chunk, void, void> {
    const reception = new Reception();
    const polling = new Polling();
    const began = Date.now();
    while (!reception.done) {
      const asksStatus = reception.needsStatus;
      const asked = Date.now();
      const reply = await this.#call("GET", `/${asksStatus ? "status" : "stream"}/${job}`, null, signal);
      yield* asksStatus ? reception.takeStatus(reply) : reception.takeStream(reply);
      if (reception.done) return;
      this.#checkPatience(began);
      const brought = Array.isArray(reply.stream) && reply.stream.length > 0;
      const wait = polling.wait(Date.now() - asked, brought, reply.status === "IN_QUEUE");
      if (asksStatus || !reception.needsStatus) await this.#sleep(wait, signal);
    }
  }

  /** Speak, as a stream of bytes that is filled as it is read; cancelling it cancels the job. */
  bytes(input: Input, options: JobOptions = {}): ReadableStream<Bytes> {
    const leaving = new AbortController();
    const chunks = this.stream(input, { ...options, signal: leaving.signal });
    const leave = (reason?: unknown): void => {
      leaving.abort(reason); // ends a request that waits
      chunks.return().catch(() => undefined); // and a generator that does not
    };
    const { signal } = options;
    if (signal?.aborted) leave(signal.reason);
    signal?.addEventListener("abort", () => leave(signal.reason), { once: true });
    return new ReadableStream<Bytes>({
      async pull(controller): Promise<void> {
        for (;;) {
          const { done, value } = await chunks.next();
          if (leaving.signal.aborted) throw leaving.signal.reason;
          if (done) return controller.close();
          if (value.audio.length > 0) return controller.enqueue(value.audio);
        }
      },
      cancel: leave,
    });
  }

  /** Speak, and return the whole file: by /runsync where the text is short, else by polling. */
  async speak(input: Input, options: JobOptions = {}): Promise<Speech> {
    const given = { ...input, stream: false };
    if ((input.text ?? "").length <= SHORT && input.turns === undefined) {
      return await this.#result(this.#sync(given, options), options.signal);
    }
    return await this.#result(this.submit(given, options).then((id) => ({ id })), options.signal);
  }

  /** Return the job's state as RunPod gives it. */
  status(job: string, signal?: AbortSignal): Promise<Json> {
    return this.#call("GET", `/status/${job}`, null, signal);
  }

  /** Cancel the job; one that has ended stays as it is. */
  async cancel(job: string): Promise<void> {
    await this.#call("POST", `/cancel/${job}`);
  }

  /** Return the endpoint's counts of jobs and workers. */
  health(): Promise<Json> {
    return this.#call("GET", "/health");
  }

  async #sync(input: Input, options: JobOptions): Promise<Json> {
    try {
      return await this.#call("POST", `/runsync?wait=${SYNC_WAIT_MS}`, envelope(input, options));
    } catch (error) {
      // A gateway's patience ended, and with it the job's id is lost: the same speech again joins it.
      if (!(error instanceof ChatterpodError) || error.status !== 524) throw error;
      return { id: await this.submit(input, options) };
    }
  }

  async #result(first: Promise<Json>, signal?: AbortSignal): Promise<Speech> {
    const polling = new Polling();
    const began = Date.now();
    try {
      let reply = await abortable(first, signal);
      const job = jobId(reply);
      while (!checkEnded(reply)) {
        const asked = Date.now();
        reply = await this.status(job, signal);
        this.#checkPatience(began);
        const wait = polling.wait(Date.now() - asked, false, reply.status === "IN_QUEUE");
        if (!FINAL.has(String(reply.status))) await this.#sleep(wait, signal);
      }
      return speechOf(reply);
    } catch (error) {
      if (!(error instanceof ChatterpodError) || error.code === "timed_out") this.#leave(first.then(jobId));
      throw error;
    }
  }

  /** Cancel a job that nobody waits for any more, beside everything else. */
  #leave(submitted: Promise<string>): void {
    const work = submitted.then((job) => this.cancel(job)).catch(() => undefined);
    this.#options.waitUntil?.(work);
  }

  #checkPatience(began: number): void {
    const most = this.#options.timeoutMs ?? 900_000;
    if (Date.now() - began > most) {
      throw new ChatterpodError("timed_out", `the job was not done within ${most / 1000} s`);
    }
  }

  /** Make a request; try again, ever later, where the trouble may pass. */
  async #call(method: string, path: string, body: unknown = null, signal?: AbortSignal): Promise<Json> {
    let trouble = new ChatterpodError("unreachable", "the endpoint cannot be reached");
    for (let tried = 1; tried <= TRIES; tried += 1) {
      await this.#pace(path.split(/[/?]/)[1], signal);
      let atLeast = 0;
      const reply = await this.#send(method, path, body, signal);
      if (reply !== null) {
        if (reply.ok && reply.content !== null) return reply.content;
        trouble = refusal(reply);
        if (!reply.ok && !PASSING.has(reply.status)) throw trouble;
        atLeast = reply.retryAfterMs;
      }
      const wait = Math.min(10_000, 200 * 2 ** tried) * (0.5 + Math.random() / 2);
      if (tried < TRIES) await this.#sleep(Math.max(wait, atLeast), signal);
    }
    throw trouble;
  }

  /** Send one request; return null where it, or its answer, was lost. */
  async #send(method: string, path: string, body: unknown, signal?: AbortSignal): Promise<Reply | null> {
    signal?.throwIfAborted();
    const control = new AbortController();
    const stop = (): void => control.abort();
    const timer = setTimeout(stop, READ_MS);
    signal?.addEventListener("abort", stop, { once: true });
    try {
      const response = await (this.#options.fetch ?? fetch)(this.#url + path, {
        method,
        headers: { Authorization: `Bearer ${this.#options.apiKey}`, "Content-Type": "application/json" },
        body: body === null ? undefined : JSON.stringify(body),
        redirect: "manual", // one that leads elsewhere would take the key along
        signal: control.signal,
      });
      const text = await response.text();
      const after = Number(response.headers.get("Retry-After") ?? 0);
      const retryAfterMs = after > 0 ? Math.min(60, after) * 1000 : 0;
      return { ok: response.ok, status: response.status, content: parsed(text), retryAfterMs };
    } catch {
      signal?.throwIfAborted();
      return null;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
    }
  }

  /** Wait until one more request keeps this client under the limits. */
  async #pace(operation: string, signal?: AbortSignal): Promise<void> {
    const most = LIMITS[operation];
    if (most === undefined) return;
    const asked = this.#asked.get(operation) ?? [];
    this.#asked.set(operation, asked);
    const now = Date.now();
    const at = asked.length >= most ? Math.max(now, asked[asked.length - most] + WINDOW_MS) : now;
    asked.push(at);
    if (asked.length > most) asked.shift();
    if (at > now) await this.#sleep(at - now, signal);
  }

  async #sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    if (milliseconds <= 0) return;
    const wait = this.#options.sleep ?? ((ms: number) => new Promise<void>((done) => setTimeout(done, ms)));
    await abortable(wait(milliseconds), signal);
  }
}

interface Reply {
  ok: boolean;
  status: number;
  content: Json | null;
  retryAfterMs: number;
}

/** When to ask again: at once where the endpoint holds its answers, else ever less often. */
class Polling {
  #idle = 0;

  wait(tookMs: number, brought: boolean, queued: boolean): number {
    if (brought) this.#idle = 0;
    if (brought || tookMs >= HELD_ANSWER_MS) return 0;
    const wait = 50 * 2 ** Math.min(this.#idle, 8);
    this.#idle += 1;
    return Math.min(queued ? 1000 : 400, wait);
  }
}

/** Return the promise's result, or throw as soon as the signal is given. */
async function abortable<T>(work: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (signal === undefined) return await work;
  work.catch(() => undefined); // it may fail when nobody waits for it any more
  signal.throwIfAborted();
  let stop = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = (): void => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

function envelope(input: Input, options: JobOptions): Json {
  const body: Json = { input };
  if (options.webhook !== undefined) body.webhook = options.webhook;
  if (options.policy !== undefined) body.policy = options.policy;
  return body;
}

function jobId(reply: Json): string {
  if (typeof reply.id === "string" && reply.id !== "") return reply.id;
  throw new ChatterpodError("http_error", "the endpoint took the job and named no id");
}

function refusal(reply: Reply): ChatterpodError {
  const { status } = reply;
  if (status === 401 || status === 403) {
    return new ChatterpodError("unauthorized", `the endpoint refused the API key (HTTP ${status})`, status);
  }
  if (status === 404) {
    return new ChatterpodError("not_found", "there is no such endpoint or job, or no longer", status);
  }
  if (reply.ok) return new ChatterpodError("http_error", "the endpoint's answer is no JSON object", status);
  return new ChatterpodError("http_error", `the endpoint answered HTTP ${status}`, status);
}

/** Return whether the job is done, as a reply of /status or /runsync says; throw if it ended otherwise. */
function checkEnded(reply: Json): boolean {
  if (reply.status === "FAILED") throw jobFailed(reply.error);
  if (reply.status === "CANCELLED") throw new ChatterpodError("cancelled", "the job was cancelled");
  if (reply.status === "TIMED_OUT") {
    throw new ChatterpodError("timed_out", "the job took longer than its endpoint allows");
  }
  return reply.status === "COMPLETED";
}

function jobFailed(said: unknown): ChatterpodError {
  const line = String(said ?? "the job failed, and the endpoint does not say why").split("\n", 1)[0];
  const coded = /^([a-z]+(?:_[a-z]+)*): (.*)$/.exec(line.slice(0, 400));
  return coded ? new ChatterpodError(coded[1], coded[2]) : new ChatterpodError("failed", line.slice(0, 400));
}

/** Return a job's output as the records of its last attempt; a single record may come bare. */
function recordsOf(output: unknown): Json[] {
  const items = Array.isArray(output) ? output : [output];
  const records = items.filter((item) => typeof item === "object" && item !== null) as Json[];
  return records.filter((record) => record.attempt === records[records.length - 1].attempt);
}

/** Return a completed job, as /status or a webhook has it, as one speech. */
export function speechOf(reply: Json): Speech {
  const chunks = new Reception().takeStatus(reply);
  const summary = chunks[chunks.length - 1]?.summary;
  if (!summary) throw new ChatterpodError("incomplete", "the job is not done");
  const segments = chunks.flatMap((chunk) => chunk.segments);
  return { audio: concat(chunks.map((chunk) => chunk.audio)), segments, summary };
}

function summaryOf(record: Json): Summary {
  const summary = { ...record };
  for (const name of ["audio_base64", "segments", "seq", "attempt", "start_ms", "end_ms", "final"]) {
    delete summary[name];
  }
  return summary as Summary;
}

function audioOf(record: Json): Bytes {
  try {
    return Uint8Array.from(atob(String(record.audio_base64 ?? "")), (letter) => letter.charCodeAt(0));
  } catch {
    throw new ChatterpodError("incomplete", `the audio of record ${record.seq} is damaged`);
  }
}

/** Return where a segment ends in the text, as a number that grows with turns and code points. */
function place(segment: Segment): number {
  return (segment.turn ?? 0) * 1e9 + segment.char_end;
}

/**
 * Return a record's audio from a segment on, with a pause before it, and when that begins.
 *
 * `startMs` is null for the first record of an attempt. One that has less of a pause is returned whole.
 */
function later(audio: Bytes, startMs: number | null, beginsMs: number, pauseMs: number): [Bytes, number] {
  const size = frameSize(audio);
  const lead = size === null ? 0 : LEAD_MS;
  const origin = startMs ?? (size === null ? 0 : -LAG_MS);
  const before = Math.max(0, beginsMs - Math.max(lead, pauseMs) - origin);
  if (size === null) return [audio.subarray(before * PCM_BYTES), origin + before];
  const frames = Math.round(before / FRAME_MS);
  return [audio.subarray(frames * size), origin + frames * FRAME_MS];
}

/** Return the size of the MP3 frame that the audio begins with; null where it is PCM. */
function frameSize(audio: Bytes): number | null {
  const rate = audio.length > 3 && audio[0] === 0xff && audio[1] === 0xf3 ? RATES[audio[2] >> 4] ?? 0 : 0;
  return rate > 24 && (audio[2] & 0b1110) === 0b0100 ? rate * 3 : null;
}

function moved(segment: Segment, byMs: number): Segment {
  if (byMs === 0) return segment;
  const times = [segment.start_ms + byMs, segment.end_ms + byMs].map((ms) => Math.max(0, ms));
  return { ...segment, start_ms: times[0], end_ms: times[1] };
}

function concat(parts: Bytes[]): Bytes {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function parsed(text: string): Json | null {
  try {
    const content: unknown = JSON.parse(text);
    return typeof content === "object" && content !== null && !Array.isArray(content)
      ? (content as Json)
      : null;
  } catch {
    return null;
  }
}

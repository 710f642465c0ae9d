// The protocol core, against an endpoint that misbehaves as told: what is received equals what was made.
// Runs in Deno on the file itself, in Node on the file without its types; CHATTERPOD_JS says where it is.
import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";

const { Chatterpod, ChatterpodError, Reception, speechOf } = await import(process.env.CHATTERPOD_JS);

const KEY = "rpa_nobody-sees-this";

function base64(bytes) {
  return btoa(String.fromCharCode(...bytes));
}

function records(count, attempt = "a", frames = 10, first = 0) {
  const made = [];
  for (let seq = 0; seq < count; seq += 1) {
    const audio = new Uint8Array(frames).map((_, n) => first + seq * frames + n);
    const segment = { text: `s${seq}`, char_start: seq * 3, char_end: seq * 3 + 2 };
    const times = { start_ms: seq * 240, end_ms: seq * 240 + 240 };
    made.push({ seq, attempt, audio_base64: base64(audio), ...times, segments: [{ ...segment, ...times }] });
  }
  Object.assign(made[count - 1], { final: true, duration_ms: count * 240, cache_hit: false, engine: "tone" });
  return made;
}

const MADE = records(5);
const AUDIO = [...Array(50).keys()];

/** Gives out one batch a GET, drained; `faults` says what happens to which request. */
class FakeEndpoint {
  seen = [];
  cancelled = [];
  bodies = [];
  waits = [];

  constructor(batches, { faults = {}, end = { status: "COMPLETED" }, aggregate = MADE, sync = null } = {}) {
    Object.assign(this, { batches: [...batches], faults, end, aggregate, sync });
  }

  fetch = async (url, { method, body, headers, signal, redirect }) => {
    const path = url.split("/v2/ep")[1];
    const fault = this.faults[this.seen.length];
    this.seen.push(`${method} ${path}`);
    this.bodies.push(body && JSON.parse(body));
    assert.equal(headers.Authorization, `Bearer ${KEY}`);
    assert.equal(redirect, "manual");
    if (typeof fault === "number") {
      return new Response("<html>", { status: fault, headers: { "Retry-After": "2" } });
    }
    const reply = this.route(path);
    if (fault === "lost") throw new TypeError("connection reset");
    if (fault === "hold") {
      await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    }
    return reply === null ? new Response("{}", { status: 404 }) : Response.json(reply);
  };

  route(path) {
    if (path === "/run") return { id: "job-1", status: "IN_QUEUE" };
    if (path.startsWith("/runsync")) return this.sync ?? { id: "job-1", status: "IN_PROGRESS" };
    if (path === "/cancel/job-1") {
      this.cancelled.push("job-1");
      return { id: "job-1", status: "CANCELLED" };
    }
    if (path === "/stream/job-1") {
      const items = this.batches.shift() ?? [];
      const more = this.batches.length > 0 || items.length > 0;
      return { status: more ? "IN_PROGRESS" : this.end.status, stream: items.map((output) => ({ output })) };
    }
    if (path === "/status/job-1") return { id: "job-1", ...this.end, output: this.aggregate };
    return null;
  }

  client(options = {}) {
    const sleep = (ms) => {
      this.waits.push(ms);
      return Promise.resolve();
    };
    const given = { endpointId: "ep", apiKey: KEY, baseUrl: "http://fake/v2", fetch: this.fetch, sleep };
    return new Chatterpod({ ...given, ...options });
  }
}

const oneEach = () => MADE.map((record) => [record]);

async function received(endpoint, options) {
  const chunks = [];
  for await (const chunk of endpoint.client().stream({ text: "Hello." }, options)) chunks.push(chunk);
  return chunks;
}

const bytesOf = (chunks) => chunks.flatMap((chunk) => [...chunk.audio]);

async function failure(work) {
  try {
    await work;
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
}

const settled = () => new Promise((done) => setTimeout(done, 5));

test("chunks come in order, with captions, and the summary with the last", async () => {
  const endpoint = new FakeEndpoint(oneEach());
  const chunks = await received(endpoint);
  assert.deepEqual(bytesOf(chunks), AUDIO);
  assert.deepEqual(chunks.map((chunk) => chunk.segments[0].text), ["s0", "s1", "s2", "s3", "s4"]);
  assert.equal(chunks.at(-1).summary.duration_ms, 1200);
  assert.equal(chunks[0].summary, null);
  assert.deepEqual(endpoint.cancelled, []);
  assert.deepEqual(endpoint.bodies[0], { input: { stream: true, text: "Hello." } });
});

test("a reply that was lost is filled in from /status", async () => {
  for (let lost = 1; lost <= 5; lost += 1) {
    const endpoint = new FakeEndpoint(oneEach(), { faults: { [lost]: "lost" } });
    assert.deepEqual(bytesOf(await received(endpoint)), AUDIO, `reply ${lost}`);
  }
});

test("429 and 5xx are asked again, not before Retry-After", async () => {
  const endpoint = new FakeEndpoint(oneEach(), { faults: { 1: 429, 3: 500, 4: 503 } });
  assert.deepEqual(bytesOf(await received(endpoint)), AUDIO);
  assert.equal(endpoint.waits.filter((ms) => ms >= 2000).length, 3);
});

test("a job that the platform ran again gives each byte once", async () => {
  const again = records(5, "b").map((record) => [record]);
  const endpoint = new FakeEndpoint([[MADE[0]], [MADE[1]], ...again]);
  const chunks = await received(endpoint);
  assert.deepEqual(bytesOf(chunks), AUDIO);
  assert.deepEqual(chunks.map((chunk) => chunk.segments[0]?.text), ["s0", "s1", "s2", "s3", "s4"]);
});

test("a second attempt that sounds different is joined where a segment begins", async () => {
  const other = records(5, "b", 12, 100).map((record) => [record]);
  const endpoint = new FakeEndpoint([[MADE[0]], [MADE[1]], ...other]);
  const chunks = await received(endpoint);
  assert.deepEqual(bytesOf(chunks), [...AUDIO.slice(0, 20), ...[...Array(36).keys()].map((n) => n + 124)]);
  assert.deepEqual(chunks.map((chunk) => chunk.startMs), [0, 240, 480, 720, 960]);
});

test("leaving early cancels the job", async () => {
  const endpoint = new FakeEndpoint(oneEach());
  for await (const _ of endpoint.client().stream({ text: "Hello." })) break;
  await settled();
  assert.deepEqual(endpoint.cancelled, ["job-1"]);
});

test("a signal ends the wait for a held reply, and cancels the job", async () => {
  const endpoint = new FakeEndpoint(oneEach(), { faults: { 2: "hold" } });
  const control = new AbortController();
  const kept = [];
  const client = endpoint.client({ waitUntil: (work) => kept.push(work) });
  const error = await failure((async () => {
    for await (const _ of client.stream({ text: "Hello." }, { signal: control.signal })) {
      setTimeout(() => control.abort(), 5);
    }
  })());
  await Promise.all(kept);
  assert.equal(error.name, "AbortError");
  assert.deepEqual(endpoint.cancelled, ["job-1"]);
});

test("bytes are read as the reader asks, and cancelling them cancels the job", async () => {
  const endpoint = new FakeEndpoint(oneEach());
  const whole = await new Response(endpoint.client().bytes({ text: "Hello." })).arrayBuffer();
  assert.deepEqual([...new Uint8Array(whole)], AUDIO);
  for (const faults of [{}, { 2: "hold" }]) {
    const left = new FakeEndpoint(oneEach(), { faults });
    const reader = left.client().bytes({ text: "Hello." }).getReader();
    await reader.read();
    await settled();
    assert.ok(left.seen.length <= 3, "no more is fetched than is read, and one piece ahead");
    await reader.cancel();
    await settled();
    assert.deepEqual(left.cancelled, ["job-1"]);
  }
});

test("a short text is one request of /runsync", async () => {
  const sync = { id: "job-1", status: "COMPLETED", output: MADE };
  const endpoint = new FakeEndpoint([], { sync });
  const speech = await endpoint.client().speak({ text: "Hello." });
  assert.deepEqual([...speech.audio], AUDIO);
  assert.equal(speech.summary.engine, "tone");
  assert.deepEqual(endpoint.seen, ["POST /runsync?wait=55000"]);
  assert.equal(endpoint.bodies[0].input.stream, false);
});

test("a /runsync that outlives its request goes on as polling", async () => {
  const endpoint = new FakeEndpoint([]);
  assert.deepEqual([...(await endpoint.client().speak({ text: "Hello." })).audio], AUDIO);
  assert.equal(endpoint.seen.at(-1), "GET /status/job-1");
  const gateway = new FakeEndpoint([], { faults: Object.fromEntries([...Array(10).keys()].map((n) => [n, 524])) });
  assert.deepEqual([...(await gateway.client().speak({ text: "Hello." })).audio], AUDIO);
});

test("each end that is no success has its code", async () => {
  const ends = [
    [{ status: "FAILED", error: "unknown_voice: there is no voice 'x'" }, "unknown_voice"],
    [{ status: "FAILED", error: "something\nTraceback" }, "failed"],
    [{ status: "CANCELLED" }, "cancelled"],
    [{ status: "TIMED_OUT" }, "timed_out"],
    [{ status: "COMPLETED" }, "incomplete"],
  ];
  for (const [end, code] of ends) {
    const endpoint = new FakeEndpoint([[MADE[0]]], { end, aggregate: MADE.slice(0, 2) });
    const error = await failure(received(endpoint));
    assert.ok(error instanceof ChatterpodError);
    assert.equal(error.code, code);
    assert.ok(!error.message.includes("Traceback"));
  }
});

test("no key, a wrong key, a wrong endpoint and no endpoint are told apart, and no key is shown", async () => {
  for (const [status, code] of [[401, "unauthorized"], [404, "not_found"], [400, "http_error"]]) {
    const error = await failure(received(new FakeEndpoint([], { faults: { 0: status } })));
    assert.equal(error.code, code);
    assert.ok(!String(error).includes(KEY));
  }
  const lost = Object.fromEntries([...Array(10).keys()].map((n) => [n, "lost"]));
  assert.equal((await failure(received(new FakeEndpoint([], { faults: lost })))).code, "unreachable");
  assert.throws(() => new Chatterpod({ endpointId: "ep", apiKey: "" }), { code: "no_key" });
  assert.throws(() => new Chatterpod({ endpointId: "a/b", apiKey: KEY }), { code: "no_endpoint" });
});

test("a client stays under half of the platform's limits", async () => {
  const endpoint = new FakeEndpoint([]);
  const client = endpoint.client();
  for (let n = 0; n < 60; n += 1) await client.cancel("job-1");
  assert.equal(endpoint.waits.filter((ms) => ms > 5000).length, 10);
});

test("a queue that answers at once is asked ever less often", async () => {
  const endpoint = new FakeEndpoint([[], [], [], [], [], [], ...oneEach()]);
  await received(endpoint);
  assert.deepEqual(endpoint.waits, [50, 100, 200, 400, 400, 400]);
});

test("what a webhook brings is the same speech", () => {
  assert.deepEqual([...speechOf({ status: "COMPLETED", output: MADE }).audio], AUDIO);
  assert.throws(() => speechOf({ status: "IN_PROGRESS" }), { code: "incomplete" });
  assert.throws(() => speechOf({ status: "COMPLETED", output: [{ ...MADE[0], audio_base64: "%" }] }), {
    code: "incomplete",
  });
});

test("records that are none are passed over", () => {
  const reception = new Reception();
  assert.deepEqual(reception.takeStream({ stream: [null, 5, { output: null }, { output: { seq: "x" } }] }), []);
  assert.deepEqual(reception.takeStream({}), []);
});

/**
 * <chatterpod-player>: plays speech while it is being made, with captions that follow.
 *
 * One file, no dependencies. What a browser can do decides how it plays, never its name:
 * ManagedMediaSource or MediaSource where they take MP3, else a plain <audio> on the address that
 * grows, else frames decoded here and put one after the other through Web Audio.
 *
 *   <script type="module" src="chatterpod-player.js"></script>
 *   <chatterpod-player src="/speech.mp3" captions="/captions.json"></chatterpod-player>
 *
 * or, from a script: `player.load(fromGateway({ text: "Hello." }))`.
 */

const TYPE = "audio/mpeg";
const FINAL = new Set(["COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"]);
const DELAY_S = 1105 / 24000; // silence before the first sample, from encoder and decoder; captions count from its end
const TRIES = 6;
const RESTED_MS = 2000; // an element that has read nothing for so long has read all, if nobody knows better

const sleep = (ms, signal) => new Promise((resolve, reject) => {
  const timer = setTimeout(resolve, ms);
  signal?.addEventListener("abort", () => { clearTimeout(timer); reject(signal.reason); }, { once: true });
});
const once = (target, name) => new Promise((resolve) => target.addEventListener(name, resolve, { once: true }));

/* ---------------------------------------------------------------- what arrives: pure */

const RATES = { 1: [44100, 48000, 32000], 2: [22050, 24000, 16000], 2.5: [11025, 12000, 8000] };
const KBITS = {
  1: [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  2: [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
};

/** Read the header of an MPEG Layer III frame at `at`; null if there is none (ISO 11172-3, 2.4.1.3). */
export function frameAt(bytes, at) {
  if (bytes[at] !== 0xff || (bytes[at + 1] & 0xe6) !== 0xe2) return null;
  const version = [2.5, null, 2, 1][(bytes[at + 1] >> 3) & 3];
  const kbits = version && KBITS[version === 1 ? 1 : 2][bytes[at + 2] >> 4];
  const rate = version && RATES[version][(bytes[at + 2] >> 2) & 3];
  if (!kbits || !rate) return null;
  const samples = version === 1 ? 1152 : 576;
  return { size: Math.floor((samples * 125 * kbits) / rate) + ((bytes[at + 2] >> 1) & 1), samples, rate };
}

/** Cuts a stream of MP3 into whole frames, leaving out tags and whatever else is not a frame. */
export class Frames {
  #rest = new Uint8Array(0);
  #skip = 0;

  /** Take more bytes; return the frames that are whole now: [{bytes, samples, rate}]. */
  push(bytes) {
    const all = joined([this.#rest, bytes]);
    const frames = [];
    let at = Math.min(this.#skip, all.length);
    this.#skip -= at;
    while (at + 10 <= all.length) {
      if (all[at] === 0x49 && all[at + 1] === 0x44 && all[at + 2] === 0x33) { // "ID3"
        this.#skip = 10 + ((all[at + 6] << 21) | (all[at + 7] << 14) | (all[at + 8] << 7) | all[at + 9]);
        const step = Math.min(this.#skip, all.length - at);
        this.#skip -= step;
        at += step;
        continue;
      }
      const frame = frameAt(all, at);
      if (!frame) { at += 1; continue; }
      if (at + frame.size > all.length) break;
      const whole = all.subarray(at, at + frame.size);
      if (!isInfoTag(whole)) frames.push({ bytes: whole, samples: frame.samples, rate: frame.rate });
      at += frame.size;
    }
    this.#rest = all.slice(at);
    return frames;
  }
}

/** Whether a frame is silent and holds only a Xing or Info tag. */
function isInfoTag(frame) {
  const text = String.fromCharCode(...frame.subarray(4, 44));
  return text.includes("Info") || text.includes("Xing");
}

function joined(parts) {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  parts.reduce((at, part) => (all.set(part, at), at + part.length), 0);
  return all;
}

const HELD_MS = 200; // of a segment's end may still be in the encoder when its record goes out
const LEAD_MS = 60; // frames draw on bytes of the two before them: those must be of the same take
const FRAME_MS = 24;

/** Where a segment ends in the text, as a number that grows with turns and code points. */
const place = (segment) => (segment.turn ?? 0) * 1e9 + segment.char_end;

/**
 * Puts a job's records in order, whatever was lost, came twice or was begun anew by another worker.
 *
 * Of a new attempt, what was heard is skipped: by bytes while it is the same audio, else by time: it goes
 * on with the first segment that was not heard, less the silence before it that was.
 */
export class Records {
  whole = false;
  #attempt; #next = 0; #early = new Map();
  #given = []; #endMs = 0; #told = []; // so far
  #known = new Uint8Array(0); #heard = -1; #silentFrom = 0; // from earlier attempts
  #at = 0; #same = true; #joined = true; #repeatedTo = 0; #shiftMs = 0; // of this attempt

  /** Take a record; return what can be played now: [{bytes, captions}]. */
  push(record) {
    if (!record?.audio_base64 && !record?.final) return [];
    const attempt = record.attempt ?? this.#attempt;
    if (attempt !== this.#attempt) {
      if (this.whole) return [];
      this.#begin(attempt);
    }
    const seq = record.seq ?? this.#next;
    if (seq >= this.#next) this.#early.set(seq, record);
    const out = [];
    for (let due; (due = this.#early.get(this.#next)); this.#next += 1) {
      this.#early.delete(this.#next);
      this.whole ||= Boolean(due.final ?? record.seq === undefined);
      const part = this.#take(due);
      if (part.bytes.length || part.captions.length) out.push(part);
    }
    return out;
  }

  #begin(attempt) {
    this.#attempt = attempt;
    this.#next = this.#at = this.#shiftMs = this.#repeatedTo = 0;
    this.#early.clear();
    this.#known = joined(this.#given);
    this.#given = [this.#known];
    this.#same = true;
    this.#joined = this.#known.length === 0;
    const heard = this.#told.filter((segment) => segment.end_ms <= this.#endMs + HELD_MS);
    this.#heard = Math.max(-1, ...heard.map(place));
    this.#silentFrom = Math.max(0, ...heard.map((segment) => segment.end_ms));
  }

  #take(record) {
    const all = Uint8Array.from(atob(record.audio_base64 ?? ""), (c) => c.charCodeAt(0));
    const [bytes, segments] = this.#fresh(record, all, record.segments ?? []);
    const move = (ms) => ms + this.#shiftMs;
    const captions = segments.map((segment) =>
      ({ ...segment, start_ms: move(segment.start_ms), end_ms: move(segment.end_ms) }));
    this.#given.push(bytes);
    this.#told.push(...captions);
    if (record.end_ms !== undefined) this.#endMs = Math.max(this.#endMs, move(record.end_ms));
    return { bytes, captions };
  }

  /** Return what of a record was not heard yet: its bytes and its segments. */
  #fresh(record, bytes, segments) {
    if (this.#joined) return [bytes, segments];
    const at = this.#at;
    this.#at += bytes.length;
    const known = this.#known.subarray(at, this.#at);
    this.#same &&= known.every((byte, n) => byte === bytes[n]);
    if (this.#same) {
      this.#joined = this.#at >= this.#known.length;
      const told = Math.max(-1, ...this.#told.map(place));
      return [bytes.subarray(known.length), segments.filter((segment) => place(segment) > told)];
    }
    const old = segments.filter((segment) => place(segment) <= this.#heard);
    this.#repeatedTo = Math.max(this.#repeatedTo, ...old.map((segment) => segment.end_ms));
    const news = segments.filter((segment) => place(segment) > this.#heard);
    if (!news.length) return [new Uint8Array(0), []];
    this.#joined = true;
    const origin = at ? record.start_ms : -Math.round(DELAY_S * 1000);
    const pause = news[0].start_ms - this.#repeatedTo - (this.#endMs - this.#silentFrom);
    const before = Math.max(0, news[0].start_ms - Math.max(LEAD_MS, pause) - origin);
    const frames = Math.round(before / FRAME_MS);
    this.#shiftMs = this.#endMs - origin - frames * FRAME_MS;
    return [bytes.subarray(frames * (frameAt(bytes, 0)?.size ?? 0)), news];
  }
}

/* ---------------------------------------------------------------- where speech comes from */

/**
 * Fetch with patience: a lost reply, 429 and 5xx are tried again, waiting longer each time.
 * Any other answer that is not a success is an Error with the server's message.
 */
async function request(url, options, signal) {
  for (let tries = 1; ; tries += 1) {
    let wait = 150 * 2 ** tries * (0.5 + Math.random() / 2);
    let problem;
    try {
      const response = await fetch(url, { ...options, signal });
      if (response.ok) return options.whole === false ? response : await response.json();
      problem = new Error(await reason(response));
      if (response.status !== 429 && response.status < 500) problem.lasting = true;
      wait = Math.max(wait, 1000 * (Number(response.headers.get("retry-after")) || 0));
    } catch (error) {
      problem = error;
    }
    if (signal?.aborted || problem.lasting || tries === TRIES) throw problem;
    await sleep(wait, signal);
  }
}

async function reason(response) {
  const said = await response.json().catch(() => ({}));
  return said.error?.message ?? said.error ?? `${response.status} ${response.statusText}`;
}

const json = (method, body, token) => ({
  method,
  headers: { "Content-Type": "application/json", ...(token ? { Authorization: `Bearer ${token}` } : {}) },
  body: body && JSON.stringify(body),
});

/**
 * Any address that answers with `audio/mpeg`, whole or as it is made.
 *
 * @param {string} url
 * @param {{captions?: string, method?: string, headers?: object, body?: BodyInit}} options
 *   `captions`: an address of JSON, a list of {text, start_ms, end_ms} or an object with that list as
 *   `captions`; asked again while the speech grows.
 */
export function fromUrl(url, { captions, ...options } = {}) {
  const plain = !options.method && !options.headers && !options.body;
  return {
    url: plain ? url : null,
    captionsUrl: captions,
    async *open(signal) {
      let got = 0, resumable = false, failures = 0;
      for (;;) {
        const range = got ? { headers: { ...options.headers, Range: `bytes=${got}-` } } : {};
        const response = await request(url, { ...options, ...range, whole: false }, signal);
        if (got && response.status !== 206) throw new Error("The speech broke off.");
        resumable ||= plain && response.headers.get("accept-ranges") === "bytes";
        try {
          for (const reader = response.body.getReader(); ;) {
            const { done, value } = await reader.read();
            if (done) return;
            got += value.length;
            failures = 0;
            yield { bytes: value };
          }
        } catch (error) {
          failures += 1;
          if (signal.aborted || !resumable || failures === TRIES) throw error;
          await sleep(100 * 2 ** failures, signal);
        }
      }
    },
  };
}

/**
 * A speech that the gateway makes; `input` is what the gateway's `POST /v1/speech` takes (`text`, `voice`, …).
 *
 * @param {{gateway?: string, token?: string}} options `gateway`: its address (default: this page's)
 */
export function fromGateway({ gateway = "", token, ...input }) {
  return {
    async start(signal) {
      const made = await request(`${gateway}/v1/speech`, json("POST", input, token), signal);
      const about = `${gateway}/v1/speech/${made.id}`;
      const stop = () => fetch(about, { ...json("DELETE", undefined, token), keepalive: true }).catch(() => {});
      return { ...fromUrl(gateway + made.url, { captions: about }), stop };
    },
  };
}

/**
 * A job on a RunPod endpoint, through its own API. For localpod, and for pages whose key is nobody
 * else's: a key in a page is in the hands of whoever opens it. Other pages use the gateway.
 *
 * @param {{endpoint: string, key: string}} options `endpoint`: `…/v2/ID`
 */
export function fromRunPod({ endpoint, key, ...input }) {
  const call = (path, signal, body) => request(endpoint + path, json(body ? "POST" : "GET", body, key), signal);
  let id;
  return {
    stop: () => id && fetch(`${endpoint}/cancel/${id}`, { ...json("POST", {}, key), keepalive: true }).catch(() => {}),
    async *open(signal) {
      ({ id } = await call("/run", signal, { input }));
      const records = new Records();
      for (;;) {
        const { status, stream } = await call(`/stream/${id}`, signal);
        for (const { output } of stream) yield* records.push(output);
        if (FINAL.has(status) && !stream.length) break;
        if (!stream.length) await sleep(100, signal);
      }
      if (records.whole) return;
      const job = await call(`/status/${id}`, signal); // also has what /stream lost
      for (const record of [job.output ?? []].flat()) yield* records.push(record);
      if (job.status !== "COMPLETED") throw new Error(job.error ?? `The job is ${job.status}.`);
      if (!records.whole) throw new Error("Part of the speech was lost.");
    },
  };
}

/* ---------------------------------------------------------------- how it is played */

/** Return which way of playing this browser has for a source. */
export function choose(source, scope = globalThis) {
  const name = ["ManagedMediaSource", "MediaSource"].find((way) => scope[way]?.isTypeSupported(TYPE));
  return name ?? (source.url ? "audio" : "web-audio");
}

/** A media element; with `Source`, fed by us, else it reads the growing address by itself. */
class ElementSink {
  #audio; #source; #buffer; #opened;
  #queue = Promise.resolve();
  #url;

  constructor(audio, Source, url) {
    this.#audio = audio;
    audio.disableRemotePlayback = Boolean(Source); // ManagedMediaSource asks for it
    if (Source) {
      this.#source = new Source();
      this.#opened = once(this.#source, "sourceopen");
      this.#url = URL.createObjectURL(this.#source);
    }
    audio.src = this.#url ?? url;
  }

  get time() { return this.#audio.currentTime; }
  get paused() { return this.#audio.paused; }
  get ended() { return this.#audio.ended; }
  get sounding() { return !this.paused && !this.ended && this.#audio.readyState > 2; }
  get available() {
    const { buffered } = this.#audio;
    return buffered.length ? buffered.end(buffered.length - 1) : 0;
  }

  /** Whether an element that reads by itself seems to have read all: it also rests between pieces, and guesses. */
  get read() {
    const { duration, networkState, NETWORK_LOADING, ended } = this.#audio;
    return ended || (networkState !== NETWORK_LOADING && this.available > 0 && this.available > duration - 0.5);
  }

  append(bytes) {
    this.#queue = this.#queue.then(() => this.#append(bytes));
    return this.#queue;
  }

  async #append(bytes) {
    await this.#opened;
    if (this.#source.readyState !== "open") return; // closed meanwhile
    this.#buffer ??= this.#source.addSourceBuffer(TYPE);
    for (;;) {
      try {
        this.#buffer.appendBuffer(bytes);
        break;
      } catch (error) {
        if (error.name !== "QuotaExceededError") throw error;
        await this.#makeRoom();
      }
    }
    await once(this.#buffer, "updateend");
  }

  async #makeRoom() { // hours of speech: what was heard makes room for what comes
    const old = this.#audio.currentTime - 30;
    if (old <= 0) return sleep(1000);
    this.#buffer.remove(0, old);
    return once(this.#buffer, "updateend");
  }

  async end() {
    await this.#queue;
    if (this.#source?.readyState === "open") this.#source.endOfStream();
  }

  play() { return this.#audio.play(); }
  pause() { this.#audio.pause(); }
  seek(seconds) { this.#audio.currentTime = seconds; }

  close() {
    this.#audio.pause();
    this.#audio.removeAttribute("src");
    this.#audio.load();
    if (this.#url) URL.revokeObjectURL(this.#url);
  }
}

const BEFORE = 10; // frames decoded again before new ones: their bits and overlap reach into these
const AHEAD_S = 0.03;

/** Decoded frames on the clock of an AudioContext, each piece beginning at the sample at which the last ended. */
class WebAudioSink {
  paused = true; available = 0;
  #context; #frames = new Frames(); #before = []; #pieces = []; #nodes = new Set();
  #queue = Promise.resolve();
  #zero = 0; // the context's time at which second 0 is heard
  #position = 0; // where it stands while it is paused
  #whole = false;
  #wanted = false; // whether it is to play, allowed or not
  #changed;

  constructor(changed) {
    this.#changed = changed;
    this.#open(24000);
  }

  #open(sampleRate) {
    this.#context?.close();
    this.#context = new AudioContext({ sampleRate });
    this.#context.resume(); // it takes a while: better while the speech is on its way
  }


  get time() {
    if (this.paused) return this.#position;
    return Math.min(Math.max(this.#context.currentTime - this.#zero, 0), this.available);
  }
  get ended() { return this.#whole && this.available > 0 && this.time >= this.available; }
  get sounding() { return !this.paused && this.#context.state === "running" && this.time < this.available; }

  append(bytes) {
    const frames = this.#frames.push(bytes);
    if (frames.length) this.#queue = this.#queue.then(() => this.#decode(frames));
    return this.#queue;
  }

  async #decode(frames) {
    const { rate } = frames[0];
    if (rate !== this.#context.sampleRate && !this.#pieces.length) this.#open(rate);
    const heap = joined([...this.#before, ...frames].map((frame) => frame.bytes));
    const decoded = await this.#context.decodeAudioData(heap.buffer);
    const samples = frames.reduce((sum, frame) => sum + frame.samples, 0);
    const wanted = Math.round((samples * decoded.sampleRate) / rate);
    const piece = this.#context.createBuffer(decoded.numberOfChannels, wanted, decoded.sampleRate);
    for (let channel = 0; channel < decoded.numberOfChannels; channel += 1) {
      const fresh = decoded.getChannelData(channel).subarray(-wanted);
      piece.copyToChannel(fresh, channel, wanted - fresh.length);
    }
    this.#before = [...this.#before, ...frames].slice(-BEFORE);
    this.#pieces.push({ piece, start: this.available });
    if (!this.paused) this.#schedule(this.#pieces.at(-1));
    this.available += wanted / decoded.sampleRate;
    this.#changed();
  }

  #schedule({ piece, start }) {
    const { currentTime, sampleRate } = this.#context;
    if (this.#zero + start < currentTime + AHEAD_S && start >= this.#position) { // late, or the first of all
      this.#zero = Math.ceil((currentTime + AHEAD_S - Math.max(start, this.#position)) * sampleRate) / sampleRate;
    }
    const into = Math.max(0, currentTime + AHEAD_S - (this.#zero + start));
    if (into >= piece.duration) return;
    const node = new AudioBufferSourceNode(this.#context, { buffer: piece });
    node.connect(this.#context.destination);
    node.onended = () => { this.#nodes.delete(node); this.#changed(); };
    node.start(Math.max(this.#zero + start, currentTime + AHEAD_S), into);
    this.#nodes.add(node);
  }

  async end() {
    await this.#queue;
    this.#whole = true;
    this.#changed();
  }

  async play() {
    if (this.ended) this.pause();
    if (this.#whole && this.#position >= this.available) this.#position = 0;
    this.#wanted = true;
    await this.#context.resume(); // where sound needs a click first, that is when this goes on
    if (!this.#wanted || !this.paused) return;
    this.paused = false;
    this.#restart(this.#position);
  }

  pause() {
    this.#wanted = false;
    this.#position = this.time;
    this.paused = true;
    this.#silence();
    this.#changed();
  }

  seek(seconds) {
    this.#position = Math.min(Math.max(seconds, 0), this.available);
    if (!this.paused) this.#restart(this.#position);
    this.#changed();
  }

  #restart(position) {
    this.#silence();
    this.#position = position;
    const { currentTime, sampleRate } = this.#context;
    this.#zero = Math.ceil((currentTime + AHEAD_S - position) * sampleRate) / sampleRate;
    for (const piece of this.#pieces) this.#schedule(piece);
    this.#changed();
  }

  #silence() {
    for (const node of this.#nodes) { node.onended = null; node.stop(); }
    this.#nodes.clear();
  }

  close() {
    this.#wanted = false;
    this.#silence();
    this.#context.close();
  }
}

/* ---------------------------------------------------------------- what is seen */

const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
const spoken = (seconds) => `${Math.floor(seconds / 60)} minutes ${Math.floor(seconds % 60)} seconds`;
const PLAY = "M8 5.1v13.8c0 .8.9 1.3 1.5.8l10.6-6.9a1 1 0 0 0 0-1.6L9.5 4.3C8.9 3.9 8 4.3 8 5.1z";
const PAUSE = "M7 4h3.5v16H7zM13.5 4H17v16h-3.5z";

const LOOK = `
:host { --accent: var(--chatterpod-accent, #2f5bea); --ink: #1c2024; --dim: #5b6470; --line: #d9dde3;
  --card: #ffffff; --now: #e6ecff; --bad: #b3261e;
  display: block; font: 1rem/1.5 system-ui, sans-serif; color: var(--ink); }
@media (prefers-color-scheme: dark) {
  :host { --accent: var(--chatterpod-accent, #8fabff); --ink: #e8eaed; --dim: #a3acb8; --line: #3a4049;
    --card: #1b1e23; --now: #2a3557; --bad: #ff9a92; } }
:host([hidden]) { display: none; }
* { box-sizing: border-box; }
.card { border: 1px solid var(--line); border-radius: .9rem; background: var(--card); padding: 1rem; }
.bar { display: flex; align-items: center; gap: .9rem; }
button, a { font: inherit; color: inherit; }
.play { flex: none; width: 3rem; height: 3rem; border: 0; border-radius: 50%; padding: .7rem; cursor: pointer;
  background: var(--accent); color: var(--card); }
.play:hover:enabled { filter: brightness(1.1); }
.play:disabled { background: var(--line); color: var(--dim); cursor: default; }
.play svg { display: block; fill: currentColor; }
.line { flex: 1; min-width: 0; }
.seek { -webkit-appearance: none; appearance: none; display: block; width: 100%; height: 1.5rem; margin: 0;
  background: none; cursor: pointer; border-radius: .4rem; }
.seek:disabled { cursor: default; }
.seek::-webkit-slider-runnable-track { height: .4rem; border-radius: .2rem; background: var(--line)
  linear-gradient(var(--accent), var(--accent)) 0 / calc(var(--played, 0) * 100%) no-repeat; }
.seek::-moz-range-track { height: .4rem; border-radius: .2rem; background: var(--line); }
.seek::-moz-range-progress { height: .4rem; border-radius: .2rem; background: var(--accent); }
.seek::-webkit-slider-thumb { -webkit-appearance: none; width: 1rem; height: 1rem; margin-top: -.3rem;
  border-radius: 50%; background: var(--accent); border: 2px solid var(--card); }
.seek::-moz-range-thumb { width: .8rem; height: .8rem; border-radius: 50%; background: var(--accent);
  border: 2px solid var(--card); }
.seek:disabled::-webkit-slider-thumb { visibility: hidden; }
.seek:disabled::-moz-range-thumb { visibility: hidden; }
.under { display: flex; flex-wrap: wrap; gap: 0 1rem; font-size: .875rem; color: var(--dim);
  font-variant-numeric: tabular-nums; }
.status { flex: 1 1 12rem; overflow-wrap: anywhere; }
.status.bad { color: var(--bad); }
.save { color: var(--accent); white-space: nowrap; }
.words { margin: 1rem 0 0; padding: .25rem; max-height: 14rem; overflow-y: auto; }
.words:empty { display: none; }
.words button { display: inline; border: 0; padding: .1rem .25rem; margin: 0; border-radius: .35rem;
  background: none; color: var(--dim); text-align: start; cursor: pointer; }
.words button:hover { color: var(--ink); }
.words button.heard { color: var(--ink); }
.words button[aria-current] { color: var(--ink); background: var(--now); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
@media (forced-colors: active) { .words button[aria-current] { outline: 1px solid; } }
`;

const BODY = `
<div class="card" part="card" role="group" aria-label="Speech player">
  <div class="bar">
    <button class="play" part="play" type="button" aria-label="Play" disabled><svg viewBox="0 0 24 24"
      aria-hidden="true"><path d="${PLAY}"/></svg></button>
    <div class="line">
      <input class="seek" part="seek" type="range" min="0" max="0" step="0.01" value="0" aria-label="Position" disabled>
      <div class="under"><span class="time" aria-hidden="true">0:00 / 0:00</span>
        <span class="status" part="status" role="status"></span>
        <a class="save" part="download" download="speech.mp3" hidden>Download</a></div>
    </div>
  </div>
  <div class="words" part="captions" role="group" aria-label="Captions" tabindex="-1"></div>
</div>
<audio hidden></audio>
`;

/**
 * The element.
 *
 * Attributes: `src`, an address of MP3, and `captions` (see `fromUrl`): fetched when play is pressed.
 * Events: `firstaudio` (sound began), `captions` (more came), `change` (anything did), `whole` (all has
 * arrived), `ended`, `error` (`detail` is the Error).
 */
export class ChatterpodPlayer extends HTMLElement {
  static observedAttributes = ["src"];
  #at = {}; #sink; #abort; #source; #parts = []; #asked = 0; #timer; #played = false; #saved; #failed = false;
  #ended = null;
  #growing = null; // what is known elsewhere about a speech that the element reads by itself

  /** What is said when: [{text, start_ms, end_ms}]. */
  captions = [];
  /** Milliseconds from asking to sound; null before. */
  firstAudioMs = null;
  /** "ManagedMediaSource", "MediaSource", "audio" or "web-audio": how it plays; null before. */
  way = null;
  /** Whether all of the speech has arrived. */
  whole = false;

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    root.innerHTML = `<style>${LOOK}</style>${BODY}`;
    for (const name of ["play", "seek", "time", "save", "status", "words"]) this.#at[name] = root.querySelector(`.${name}`);
    this.#at.audio = root.querySelector("audio");
    this.#at.play.addEventListener("click", () => (this.paused ? this.play() : this.pause()));
    this.#at.seek.addEventListener("input", () => this.seek(Number(this.#at.seek.value)));
    this.#at.seek.addEventListener("keydown", (event) => this.#step(event));
    this.#at.words.addEventListener("keydown", (event) => this.#walk(event));
    this.#at.words.addEventListener("click", ({ target }) =>
      target.dataset.start && this.seek(Number(target.dataset.start)));
    for (const name of ["playing", "pause", "ended", "waiting", "durationchange", "progress", "seeked"]) {
      this.#at.audio.addEventListener(name, () => this.#show());
    }
  }

  attributeChangedCallback() {
    if (this.#sink) this.stop();
    this.#clear();
    this.#show();
  }

  disconnectedCallback() { this.stop(); }

  get paused() { return !this.#sink || this.#sink.paused || this.#sink.ended; }
  /** Seconds, of what is heard now. */
  get currentTime() { return this.#sink?.time ?? 0; }
  /** Seconds that can be heard by now. */
  get available() { return this.#sink?.available ?? 0; }

  /** Ask for a speech and play it as it comes; resolves when all of it has arrived, or it failed. */
  async load(source) {
    this.stop();
    this.#clear();
    this.#note("Waiting for the first audio");
    const { signal } = (this.#abort = new AbortController());
    this.#asked = performance.now();
    this.#watch();
    try {
      this.#source = source.start ? await source.start(signal) : source;
      if (signal.aborted) return this.#source.stop?.();
      this.way = choose(this.#source);
      this.#sink = this.way === "web-audio" ? new WebAudioSink(() => this.#show())
        : new ElementSink(this.#at.audio, globalThis[this.way], this.#source.url);
      const captions = this.#followCaptions(signal);
      if (this.way === "audio") await this.#listen(signal);
      else await this.#feed(signal);
      if (signal.aborted) return undefined;
      this.whole = true;
      this.#offer();
      this.#show();
      await captions;
      this.#say("whole");
    } catch (error) {
      if (!signal.aborted) this.#fail(error);
    }
    return undefined;
  }

  /** Play on, or from the start after the end; loads `src` if nothing was loaded. */
  async play() {
    const src = this.getAttribute("src");
    if (src && (!this.#sink || (this.#failed && !this.available))) {
      this.load(fromUrl(src, { captions: this.getAttribute("captions") ?? undefined }));
      return;
    }
    this.#watch();
    const sink = this.#sink;
    try {
      await sink?.play();
    } catch (error) {
      // A click is needed; it was stopped meanwhile; the element cannot, which `#listen` sees too.
      const usual = ["NotAllowedError", "AbortError", "NotSupportedError"].includes(error.name);
      if (sink === this.#sink && !usual) this.#fail(error);
    }
    this.#show();
  }

  pause() {
    this.#sink?.pause();
    this.#show();
  }

  /** Go to a second of what is there. */
  seek(seconds) {
    this.#sink?.seek(Math.min(Math.max(seconds, 0), this.available));
    this.#show();
  }

  /** Ask for no more, play no more; a job that is still running is cancelled. */
  stop() {
    if (this.#abort && !this.whole && !this.#abort.signal.aborted) {
      this.#abort.abort(new DOMException("stopped", "AbortError"));
      this.#source?.stop?.();
      this.#note("Stopped");
    }
    this.#sink?.pause();
    this.#show();
  }

  /** Hand on what comes; it is heard from the second `from`, as soon as that is there. */
  async #feed(signal, from = 0) {
    let placed = false;
    for await (const { bytes, captions } of this.#source.open(signal)) {
      if (captions?.length) this.#caption([...this.captions, ...captions]);
      if (!bytes?.length) continue;
      this.#parts.push(bytes);
      await this.#sink.append(bytes);
      if (signal.aborted) return;
      if (placed || this.available <= from) continue;
      placed = true;
      if (from) this.#sink.seek(from);
      if (!this.#played) {
        this.#played = true;
        this.play();
      }
    }
    await this.#sink.end();
  }

  /** Let the element read the address by itself. */
  async #listen(signal) {
    const { audio } = this.#at;
    this.#played = true;
    this.play();
    for (let since = 0, had = 0; this.#growing !== false; await sleep(100, signal)) {
      const { read, available } = this.#sink;
      if (!read || available !== had) [since, had] = [performance.now(), available];
      if (read && this.#growing === null && performance.now() - since > RESTED_MS) break;
      if (audio.error) return this.#decode(signal);
    }
    return undefined;
  }

  /** What the element cannot play from its address, or no further, is decoded piece by piece, from where it stands. */
  async #decode(signal) {
    const { time, paused } = this.#sink;
    this.#sink.close();
    this.way = "web-audio";
    this.#played = paused && time > 0; // by the listener
    this.#sink = new WebAudioSink(() => this.#show());
    await this.#feed(signal, time);
  }

  async #followCaptions(signal) {
    const url = this.#source.captionsUrl;
    for (let last = false; url && !last && !signal.aborted; await sleep(400, signal).catch(() => {})) {
      last = this.whole;
      try {
        const said = await request(url, { headers: {} }, signal);
        this.#caption(said.captions ?? said);
        last ||= Array.isArray(said);
        this.#growing = said.state ? !["done", "failed", "cancelled"].includes(said.state) : null;
      } catch { /* the speech is heard without */ }
    }
  }

  #caption(captions) {
    const words = this.#at.words;
    for (const { text, start_ms: start } of captions.slice(this.captions.length)) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = text;
      button.dataset.start = start / 1000 + DELAY_S;
      button.tabIndex = words.children.length ? -1 : 0;
      words.append(button, " ");
    }
    this.captions = captions;
    this.#say("captions");
  }

  #clear() {
    this.#sink?.close();
    if (this.#saved) URL.revokeObjectURL(this.#saved);
    Object.assign(this, { captions: [], firstAudioMs: null, way: null, whole: false });
    this.#sink = this.#source = this.#saved = null;
    this.#parts = [];
    this.#played = this.#failed = false;
    this.#growing = null;
    this.#at.save.hidden = true;
    this.#at.words.replaceChildren();
    this.#note("");
  }

  #watch() { this.#timer ??= setInterval(() => this.#show(), 100); }

  #offer() {
    const { save } = this.#at;
    this.#saved = this.#parts.length ? URL.createObjectURL(new Blob(this.#parts, { type: TYPE })) : null;
    save.href = this.#saved ?? this.#source.url;
    save.hidden = false;
  }

  #fail(error) {
    this.#note(error.message || "The speech failed.", true);
    this.whole = false;
    this.#failed = true;
    this.#abort?.abort(error);
    this.#sink?.end().catch(() => {}); // what has come can be heard to its end
    this.#say("error", error);
  }

  #note(text, bad = false) {
    const { status } = this.#at;
    status.className = bad ? "status bad" : "status";
    if (status.textContent !== text) status.textContent = text;
  }

  #say(name, detail) { this.dispatchEvent(new CustomEvent(name, { detail })); }

  /** Show how things are. */
  #show() {
    const { play, seek, time } = this.#at;
    const { currentTime, available, paused } = this;
    if (this.#sink?.sounding && this.firstAudioMs === null) {
      this.firstAudioMs = performance.now() - this.#asked;
      this.#say("firstaudio");
    }
    play.disabled = !this.#sink && !this.getAttribute("src");
    play.setAttribute("aria-label", paused ? "Play" : "Pause");
    play.querySelector("path").setAttribute("d", paused ? PLAY : PAUSE);
    seek.disabled = available === 0;
    seek.max = available;
    seek.value = currentTime;
    seek.style.setProperty("--played", available ? currentTime / available : 0);
    seek.setAttribute("aria-valuetext", `${spoken(currentTime)} of ${spoken(available)}${this.whole ? "" : ", more to come"}`);
    time.textContent = `${clock(currentTime)} / ${clock(available)}${this.whole || !this.#sink ? "" : " …"}`;
    this.#tell();
    this.#mark(currentTime * 1000 - DELAY_S * 1000);
    this.#say("change");
    if (paused && (this.whole || this.#abort?.signal.aborted)) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }

  #tell() {
    if (this.#at.status.classList.contains("bad") || this.#abort?.signal.aborted) return;
    const after = this.firstAudioMs === null ? "" : `; first audio after ${(this.firstAudioMs / 1000).toFixed(2)} s`;
    if (this.#played && this.#sink?.paused && this.firstAudioMs === null) this.#note("Ready: press play");
    else if (after) this.#note((this.whole ? "All there" : "Still being made") + after);
    if (this.#sink?.ended && this.whole && this.#ended !== this.#sink) this.#say("ended");
    this.#ended = this.#sink?.ended ? this.#sink : null;
  }

  /** Mark what is said now, and keep it in view. */
  #mark(nowMs) {
    const { words } = this.#at;
    const { captions } = this;
    const now = this.firstAudioMs === null && this.currentTime === 0 ? -1 : captions.findLastIndex(({ start_ms: start }) => start <= nowMs);
    [...words.children].forEach((word, index) => {
      word.classList.toggle("heard", index < now);
      if ((index === now) === word.hasAttribute("aria-current")) return;
      word.toggleAttribute("aria-current", index === now);
      if (index === now) {
        word.setAttribute("aria-current", "true");
        if (!words.matches(":hover, :focus-within")) words.scrollTop = word.offsetTop - words.offsetTop - words.clientHeight / 3;
      }
    });
  }

  /** Arrow keys on the slider go by five seconds; a range's own step would be a hundredth. */
  #step(event) {
    const by = { ArrowRight: 5, ArrowUp: 5, ArrowLeft: -5, ArrowDown: -5, PageUp: 15, PageDown: -15 }[event.key];
    if (!by) return;
    event.preventDefault();
    this.seek(this.currentTime + by);
  }

  /** The captions are one stop of the tab key; arrows go from one to the next. */
  #walk(event) {
    const all = [...this.#at.words.children];
    const at = all.indexOf(event.target);
    const to = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (!all[to]) return;
    event.preventDefault();
    event.target.tabIndex = -1;
    all[to].tabIndex = 0;
    all[to].focus();
  }
}

customElements.define("chatterpod-player", ChatterpodPlayer);

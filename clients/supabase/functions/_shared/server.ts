/** A gateway, direct worker or load balancer that speaks instead of a queue, over HTTP alone. */

import { ChatterpodError, type Input, type Segment, type Speech, type Summary } from "chatterpod";

const QUEUES = ["opening", "last_pause_ms"]; // fields that are the server's own affair
const WORKER = "X-Runpod-Worker-Id"; // which of several workers has a speech

/** As of a queue, with as much of the summary as a server tells. */
export type SpokenByServer = Omit<Speech, "summary"> & { summary: Partial<Summary> };

export class SpeechServer {
  readonly #url: string;
  readonly #token: string | undefined;

  constructor(url: string, token: string | undefined) {
    this.#url = url;
    this.#token = token;
  }

  /** Return the MP3 as it is made, once its first audio is there; aborting ends the speech. */
  async stream(input: Input, signal: AbortSignal): Promise<ReadableStream> {
    const { text, ...options } = input;
    const body = { ...fields(options), input: text, model: "any", response_format: "mp3" };
    const response = await this.#send("POST", "/v1/audio/speech", signal, body);
    return response.body ?? new ReadableStream();
  }

  /** Return the whole speech with its captions. */
  async speak(input: Input, signal: AbortSignal): Promise<SpokenByServer> {
    const begun = await this.#send("POST", "/v1/speech", signal, fields({ ...input }));
    const worker = begun.headers.get(WORKER);
    const { id, url } = await begun.json() as { id: string; url: string };
    const audio = await (await this.#send("GET", url, signal, undefined, worker)).arrayBuffer();
    const told = await (await this.#send("GET", `/v1/speech/${id}`, signal, undefined, worker)).json();
    const { captions, duration_ms, warnings } = told as {
      captions: Segment[];
      duration_ms: number;
      warnings?: string[];
    };
    return { audio: new Uint8Array(audio), segments: captions, summary: { duration_ms, warnings } };
  }

  /** Have a worker started, if none runs. */
  async warm(): Promise<void> {
    await (await this.#send("GET", "/ping", AbortSignal.timeout(120_000))).body?.cancel();
  }

  async #send(
    method: string,
    path: string,
    signal: AbortSignal,
    body?: Record<string, unknown>,
    worker?: string | null,
  ): Promise<Response> {
    const headers: Record<string, string> = {};
    if (this.#token) headers["Authorization"] = `Bearer ${this.#token}`;
    if (worker) headers[WORKER] = `strict ${worker}`;
    if (body) headers["Content-Type"] = "application/json";
    let response: Response;
    try {
      response = await fetch(this.#url + path, {
        method,
        headers,
        signal,
        body: body && JSON.stringify(body),
      });
    } catch {
      throw new ChatterpodError("unreachable", "the server cannot be reached");
    }
    if (response.ok) return response;
    const told = await response.json().catch(() => null) as
      | { error?: { code?: string; message?: string } }
      | null;
    const code = response.status === 401 ? "unauthorized" : told?.error?.code ?? "http_error";
    throw new ChatterpodError(
      code,
      String(told?.error?.message ?? `HTTP ${response.status}`),
      response.status,
    );
  }
}

function fields(input: Input): Record<string, unknown> {
  return Object.fromEntries(Object.entries(input).filter(([name]) => !QUEUES.includes(name)));
}

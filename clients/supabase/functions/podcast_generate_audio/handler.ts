/**
 * POST {text, …} by a signed-in user: the MP3 while it is made, or 202 if that would take too long.
 *
 * `Accept: application/octet-stream` is for supabase-js, whose `invoke` makes text of other media types;
 * `Accept: application/json` has audio and captions in one answer. {warm: true} starts a worker.
 */

import { ChatterpodError, type Chunk, type Input } from "chatterpod";
import type { SpokenByServer } from "../_shared/server.ts";
import { clientOf, type Settings, waitUntil } from "../_shared/settings.ts";
import { userOf } from "../_shared/storage.ts";

const SHORT = 500; // characters: one /runsync
const MOST = 10_000; // characters that a worker takes in one job
const BODY_BYTES = 100_000;
const FIELDS = [
  "voice",
  "language",
  "speed",
  "seed",
  "cache",
  "opening",
  "last_pause_ms",
  "normalize_numbers",
  "pronounce",
  "read",
  "markup",
  "bit_rate",
  "temperature",
  "top_p",
  "top_k",
  "min_p",
  "repetition_penalty",
  "exaggeration",
  "cfg_weight",
];
const ASKERS_FAULT = /^(invalid_input|text_too_long|unknown_voice|voice_unusable|unsupported_\w+)$/;

class Refusal extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Answer one request; nothing that it throws or tells holds a key, an address or the text. */
export async function handle(request: Request, settings: Settings): Promise<Response> {
  const cors = {
    "Access-Control-Allow-Origin": settings.origin,
    "Access-Control-Allow-Headers": "authorization, apikey, content-type, x-client-info, x-region",
    "Access-Control-Expose-Headers": "X-Duration-Ms, X-Cache",
  };
  try {
    if (request.method === "OPTIONS") return new Response(null, { status: 204, headers: cors });
    if (request.method !== "POST") throw new Refusal(405, "invalid_input", "expected POST");
    const user = await userOf(request.headers.get("Authorization"), settings);
    if (user === null) throw new Refusal(401, "unauthorized", "expected the token of a signed-in user");
    const input = await inputOf(request);
    const accept = request.headers.get("Accept") ?? "";
    const response = "op" in input
      ? await warmed(input, settings)
      : await spoken(input, user, accept, request.signal, settings);
    for (const [name, value] of Object.entries(cors)) response.headers.set(name, value);
    return response;
  } catch (error) {
    const { status, code, message } = told(error);
    return Response.json({ error: { code, message } }, { status, headers: cors });
  }
}

async function spoken(
  input: Input,
  user: string,
  accept: string,
  signal: AbortSignal,
  settings: Settings,
): Promise<Response> {
  const length = [...(input.text ?? "")].length;
  if (length > settings.streamCharacters) {
    if (settings.server) throw new Refusal(413, "text_too_long", tooLong(length, settings.streamCharacters));
    return await later(input, user, settings);
  }
  const type = accept.includes("application/octet-stream") ? "application/octet-stream" : "audio/mpeg";
  const headers = { "Content-Type": type, "Cache-Control": "no-store" };
  if (accept.includes("application/json")) {
    const speech = settings.server
      ? await settings.server.speak(input, signal)
      : await clientOf(settings).speak(input, { signal });
    return Response.json(withCaptions(speech), { headers: { "Cache-Control": "no-store" } });
  }
  if (settings.server) return new Response(await settings.server.stream(input, signal), { headers });
  if (length <= SHORT) {
    const { audio, summary } = await clientOf(settings).speak(input, { signal });
    const facts = {
      "X-Duration-Ms": String(summary.duration_ms),
      "X-Cache": summary.cache_hit ? "hit" : "miss",
    };
    return new Response(audio, { headers: { ...headers, ...facts } });
  }
  return new Response(await begun(input, signal, settings), { headers });
}

/** Return audio and captions as one JSON object. */
function withCaptions({ audio, segments, summary }: SpokenByServer): Record<string, unknown> {
  const { duration_ms, cache_hit, warnings } = summary;
  return {
    audio_base64: encodeBase64(audio),
    mimetype: "audio/mpeg",
    segments,
    duration_ms,
    cache_hit,
    warnings,
  };
}

/** Return bytes as base64; in parts, because a call takes only so many arguments. */
function encodeBase64(bytes: Uint8Array): string {
  let letters = "";
  for (let at = 0; at < bytes.length; at += 8192) {
    letters += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return btoa(letters);
}

/** Start a worker, if none runs, without waiting for it. */
async function warmed(input: Input, settings: Settings): Promise<Response> {
  if (settings.server) waitUntil(settings.server.warm().catch(() => undefined));
  else await clientOf(settings).submit(input);
  return Response.json({ warming: true }, { status: 202 });
}

/** Return the audio from its first chunk on: what fails before that has a status of its own. */
async function begun(input: Input, signal: AbortSignal, settings: Settings): Promise<ReadableStream> {
  const leaving = new AbortController();
  signal.addEventListener("abort", () => leaving.abort(), { once: true });
  const chunks = clientOf(settings).stream(input, { signal: leaving.signal });
  let next: IteratorResult<Chunk, void> | null = await chunks.next();
  return new ReadableStream({
    async pull(controller): Promise<void> {
      const { done, value } = next ?? await chunks.next();
      next = null;
      if (done) return controller.close();
      controller.enqueue(value.audio);
    },
    cancel(): void {
      leaving.abort();
      chunks.return().catch(() => undefined);
    },
  });
}

/** Queue the job, and have RunPod tell the webhook when it is done. */
async function later(input: Input, user: string, settings: Settings): Promise<Response> {
  const path = `${user}/${crypto.randomUUID()}`;
  const webhook = `${settings.webhookUrl}/${settings.webhookSecret}/${path}`;
  const job = await clientOf(settings).submit({ ...input, stream: false, opening: "even" }, { webhook });
  const files = { audio: `${path}.mp3`, result: `${path}.json` };
  return Response.json({ job, bucket: settings.bucket, ...files }, { status: 202 });
}

async function inputOf(request: Request): Promise<Input> {
  const text = await request.text();
  if (text.length > BODY_BYTES) throw new Refusal(413, "too_large", `the body is over ${BODY_BYTES} bytes`);
  let body: Record<string, unknown>;
  try {
    body = JSON.parse(text);
  } catch {
    throw new Refusal(400, "invalid_input", "the body is not valid JSON");
  }
  if (body?.warm === true && Object.keys(body).length === 1) return { op: "warm" };
  if (typeof body?.text !== "string" || !/[\p{L}\p{N}]/u.test(body.text)) {
    throw new Refusal(400, "invalid_input", "text is missing, or has nothing to speak");
  }
  const length = [...body.text].length;
  if (length > MOST) {
    throw new Refusal(413, "text_too_long", tooLong(length, MOST));
  }
  const unknown = Object.keys(body).find((name) => name !== "text" && !FIELDS.includes(name));
  if (unknown !== undefined) {
    throw new Refusal(400, "invalid_input", `a field is not known, expected text, ${FIELDS.join(", ")}`);
  }
  return body as Input;
}

function tooLong(length: number, most: number): string {
  return `text has ${length} characters, expected at most ${most}`;
}

function told(error: unknown): { status: number; code: string; message: string } {
  if (error instanceof Refusal) return error;
  if (error instanceof ChatterpodError && ASKERS_FAULT.test(error.code)) {
    return { status: 400, code: error.code, message: error.message };
  }
  const code = error instanceof ChatterpodError ? error.code : "internal";
  console.error(`podcast_generate_audio: ${code}`);
  if (code === "unauthorized") {
    return { status: 502, code: "endpoint_failed", message: "the speech could not be made" };
  }
  return { status: 502, code, message: "the speech could not be made" };
}

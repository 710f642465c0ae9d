/**
 * RunPod's webhook: POST /podcast_audio_webhook/SECRET/USER/NAME with the ended job as its body.
 *
 * The body is unsigned and may come up to three times. So the address holds a secret, of the body only the
 * job's id is believed, the result is read from RunPod with our own key, and what is stored is never written
 * twice. Any status but 200 makes RunPod try again.
 */

import { ChatterpodError, speechOf } from "chatterpod";
import { clientOf, type Settings } from "../_shared/settings.ts";
import { isStored, store } from "../_shared/storage.ts";

const ADDRESS = /\/([A-Za-z0-9_-]+)\/([A-Za-z0-9-]+\/[0-9a-f-]{36})$/;
const PASSING = new Set(["unreachable", "http_error", "unauthorized", "incomplete"]);

export async function handle(request: Request, settings: Settings): Promise<Response> {
  const [, secret = "", path = ""] = ADDRESS.exec(new URL(request.url).pathname) ?? [];
  if (request.method !== "POST" || !(await same(secret, settings.webhookSecret))) {
    await request.body?.cancel();
    return new Response("not found", { status: 404 });
  }
  try {
    const job = await jobOf(request);
    if (!(await isStored(`${path}.json`, settings))) await keep(job, path, settings);
    return new Response("ok");
  } catch (error) {
    const code = error instanceof ChatterpodError ? error.code : "storage_failed";
    console.error(`podcast_audio_webhook: ${code}`);
    return new Response("try again", { status: 500 });
  }
}

/** Write the audio, then what tells that it is there: captions and summary, or why there is none. */
async function keep(job: string, path: string, settings: Settings): Promise<void> {
  let result: Record<string, unknown>;
  try {
    const { audio, segments, summary } = speechOf(await clientOf(settings).status(job));
    await store(`${path}.mp3`, audio, "audio/mpeg", settings);
    result = { job, segments, summary };
  } catch (error) {
    if (!(error instanceof ChatterpodError) || PASSING.has(error.code)) throw error;
    result = { job, error: { code: error.code, message: error.message } };
  }
  await store(`${path}.json`, JSON.stringify(result), "application/json", settings);
}

async function jobOf(request: Request): Promise<string> {
  const body: unknown = await request.json();
  const id = (body as { id?: unknown } | null)?.id;
  if (typeof id !== "string" || !/^[A-Za-z0-9-]+$/.test(id)) throw new Error("the body names no job");
  return id;
}

/** Compare two texts in a time that tells nothing about them. */
async function same(one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all(
    [one, other].map(async (text) =>
      new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)))
    ),
  );
  return a.reduce((different, byte, n) => different | (byte ^ b[n]), 0) === 0;
}

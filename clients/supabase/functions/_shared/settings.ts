/** What both functions are told by their environment, and the client made of it. */

import { Chatterpod } from "chatterpod";
import { SpeechServer } from "./server.ts";

export interface Settings {
  /** A server that speaks instead of the endpoint's queue; its texts are not answered 202. */
  server?: SpeechServer;
  endpointId: string;
  apiKey: string;
  baseUrl?: string;
  /** Supabase's own: its address, the key that may write, and what a user's token is checked with. */
  supabaseUrl: string;
  serviceKey: string;
  anonKey: string;
  bucket: string;
  webhookSecret: string;
  /** Where RunPod reaches the webhook's function. */
  webhookUrl: string;
  origin: string;
  /** Longer texts are answered 202: a function is ended after 150 or 400 seconds. */
  streamCharacters: number;
}

const SHORTEST_SECRET = 24;

/** Return the settings; throw, without a value in it, where one is missing. */
export function settingsOf(env: { get(name: string): string | undefined }): Settings {
  const wanted = (name: string): string => {
    const value = env.get(name);
    if (!value) throw new Error(`${name} is not set`);
    return value;
  };
  const supabaseUrl = wanted("SUPABASE_URL").replace(/\/+$/, "");
  const webhookSecret = wanted("PODCAST_WEBHOOK_SECRET");
  if (!/^[A-Za-z0-9_-]+$/.test(webhookSecret) || webhookSecret.length < SHORTEST_SECRET) {
    throw new Error(`PODCAST_WEBHOOK_SECRET needs ${SHORTEST_SECRET} letters and digits or more`);
  }
  const streamCharacters = Number(env.get("PODCAST_STREAM_CHARACTERS") ?? 4000);
  if (!Number.isInteger(streamCharacters) || streamCharacters < 0) {
    throw new Error("PODCAST_STREAM_CHARACTERS is not a whole number");
  }
  const server = serverOf(env);
  return {
    server,
    endpointId: server ? "" : wanted("RUNPOD_ENDPOINT_ID"),
    apiKey: server ? "" : wanted("RUNPOD_API_KEY"),
    baseUrl: env.get("RUNPOD_ENDPOINT_BASE_URL"),
    supabaseUrl,
    serviceKey: wanted("SUPABASE_SERVICE_ROLE_KEY"),
    anonKey: wanted("SUPABASE_ANON_KEY"),
    bucket: env.get("PODCAST_BUCKET") ?? "podcasts",
    webhookSecret,
    webhookUrl: env.get("PODCAST_WEBHOOK_URL") ?? `${supabaseUrl}/functions/v1/podcast_audio_webhook`,
    origin: env.get("PODCAST_ALLOWED_ORIGIN") ?? "*",
    streamCharacters,
  };
}

/** Return the server of CHATTERPOD_URL, if it is set. RunPod's key goes to RunPod only. */
function serverOf(env: { get(name: string): string | undefined }): SpeechServer | undefined {
  const url = env.get("CHATTERPOD_URL")?.replace(/\/+$/, "");
  if (!url) return undefined;
  if (!/^https?:\/\//.test(url)) throw new Error("CHATTERPOD_URL is not a URL");
  const runpods = /^https:\/\/[A-Za-z0-9-]+\.api\.runpod\.ai(\/|$)/.test(url);
  return new SpeechServer(
    url,
    env.get("CHATTERPOD_TOKEN") ?? (runpods ? env.get("RUNPOD_API_KEY") : undefined),
  );
}

/** Return the client; `waitUntil` keeps the function alive until a job is cancelled. */
export function clientOf(settings: Settings): Chatterpod {
  const { endpointId, apiKey, baseUrl } = settings;
  return new Chatterpod({ endpointId, apiKey, baseUrl, waitUntil });
}

/** Keep this instance until the work is done; what runs outside Supabase needs no such thing. */
export function waitUntil(work: Promise<unknown>): void {
  const runtime = (globalThis as { EdgeRuntime?: { waitUntil(work: Promise<unknown>): void } }).EdgeRuntime;
  runtime?.waitUntil(work);
}

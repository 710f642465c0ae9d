/** Supabase's Storage and Auth over fetch: the three requests that these functions make. */

import type { Settings } from "./settings.ts";

/** Return the id of the user whose token this is, null where it is nobody's. */
export async function userOf(authorization: string | null, settings: Settings): Promise<string | null> {
  if (!authorization?.startsWith("Bearer ")) return null;
  const response = await fetch(`${settings.supabaseUrl}/auth/v1/user`, {
    headers: { Authorization: authorization, apikey: settings.anonKey },
  });
  const user = response.ok ? await response.json() : (await response.body?.cancel(), null);
  return typeof user?.id === "string" && /^[A-Za-z0-9-]+$/.test(user.id) ? user.id : null;
}

/** Return whether Storage has the object. */
export async function isStored(path: string, settings: Settings): Promise<boolean> {
  const response = await fetch(address("object/info/", path, settings), { headers: headers(settings) });
  await response.body?.cancel();
  return response.ok;
}

/** Write an object once: one that is there already is left as it is. */
export async function store(path: string, body: BodyInit, type: string, settings: Settings): Promise<void> {
  const response = await fetch(address("object/", path, settings), {
    method: "POST",
    headers: { ...headers(settings), "Content-Type": type, "x-upsert": "false" },
    body,
  });
  const said = await response.text();
  if (response.ok || response.status === 409 || said.includes('"Duplicate"')) return;
  throw new Error(`Storage answered ${response.status}`);
}

function address(operation: string, path: string, settings: Settings): string {
  return `${settings.supabaseUrl}/storage/v1/${operation}${settings.bucket}/${path}`;
}

function headers(settings: Settings): Record<string, string> {
  return { Authorization: `Bearer ${settings.serviceKey}`, apikey: settings.serviceKey };
}

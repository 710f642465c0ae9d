// Receives a job that was run again, as CASES has it, by the client and by the web player; prints what a
// listener gets.
import { readFile } from "node:fs/promises";
import process from "node:process";

Object.assign(globalThis, { HTMLElement: Object, customElements: { define: () => undefined } });
const { Reception } = await import(process.env.CHATTERPOD_JS);
const { Records } = await import(process.env.PLAYER_JS);
const cases = JSON.parse(await readFile(process.env.CASES, "utf8"));
const base64 = (bytes) => Buffer.from(bytes).toString("base64");

function client(attempts) {
  const reception = new Reception();
  const chunks = attempts.flatMap((records) =>
    reception.takeStream({ status: "IN_PROGRESS", stream: records.map((output) => ({ output })) }));
  return chunks.map(({ audio, ...rest }) => ({ audio: base64(audio), ...rest }));
}

function player(attempts) {
  const records = new Records();
  const parts = attempts.flat().flatMap((record) => records.push(record));
  return {
    audio: base64(Buffer.concat(parts.map((part) => part.bytes))),
    segments: parts.flatMap((part) => part.captions),
  };
}

console.log(JSON.stringify(cases.map((attempts) => ({ client: client(attempts), player: player(attempts) }))));

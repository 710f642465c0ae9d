// Speaks through a real endpoint; prints what came, for the test to compare with what was made.
import { createHash } from "node:crypto";
import process from "node:process";

const { Chatterpod } = await import(process.env.CHATTERPOD_JS);
const client = new Chatterpod({ endpointId: "local", apiKey: "any", baseUrl: process.env.BASE_URL });
const ids = [];
const submit = client.submit.bind(client);
client.submit = async (...given) => {
  const id = await submit(...given);
  ids.push(id);
  return id;
};
const speeches = [];
for (const text of JSON.parse(process.env.TEXTS)) {
  const hash = createHash("sha256");
  let chunks = 0;
  let size = 0;
  for await (const chunk of client.stream({ text })) {
    hash.update(chunk.audio);
    chunks += 1;
    size += chunk.audio.length;
  }
  speeches.push({ job: ids.at(-1), sha256: hash.digest("hex"), chunks, size });
}
const short = await client.speak({ text: "Good morning." });
console.log(JSON.stringify({ speeches, short: { size: short.audio.length, told: short.summary.size_bytes } }));

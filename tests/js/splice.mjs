// Receives a job that was run again, as CASES has it; prints the chunks that a listener gets.
import { readFile } from "node:fs/promises";
import process from "node:process";

const { Reception } = await import(process.env.CHATTERPOD_JS);
const cases = JSON.parse(await readFile(process.env.CASES, "utf8"));

const heard = cases.map((attempts) => {
  const reception = new Reception();
  const chunks = attempts.flatMap((records) =>
    reception.takeStream({ status: "IN_PROGRESS", stream: records.map((output) => ({ output })) }));
  return chunks.map(({ audio, ...rest }) => ({ audio: Buffer.from(audio).toString("base64"), ...rest }));
});
console.log(JSON.stringify(heard));

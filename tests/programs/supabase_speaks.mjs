// Run by Node: supabase-js's client of functions, unmodified; prints what came as JSON.
//
//     node supabase_speaks.mjs FOLDER URL TOKEN TEXT

const [folder, url, token, text] = process.argv.slice(2);
const { FunctionsClient } = await import(`${folder}/node_modules/@supabase/functions-js/dist/main/index.js`);
const client = new FunctionsClient(url, { headers: { Authorization: `Bearer ${token}` } });

async function invoked(body, accept) {
  const { data, error } = await client.invoke("podcast_generate_audio", { body, headers: { Accept: accept } });
  if (error) throw error;
  return data;
}

const warmed = await invoked({ warm: true }, "*/*");
const blob = await invoked({ text }, "application/octet-stream");
const captioned = await invoked({ text }, "application/json");
console.log(JSON.stringify({
  warming: warmed.warming,
  audio: Buffer.from(await blob.arrayBuffer()).toString("base64"),
  beside: captioned.audio_base64,
  captions: captioned.segments.map((segment) => segment.text),
}));

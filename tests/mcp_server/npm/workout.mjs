// What every client does: list, describe, generate, edit with a mask, read both images back. Writes them to a folder
// and prints what it saw as one line of JSON.
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";

export async function workout(client, { mask, folder, era }) {
  const seen = { era, progress: 0 };
  seen.tools = (await client.listTools()).tools.map((tool) => tool.name);
  const call = async (name, args, options) => {
    const result = await client.callTool({ name, arguments: args }, ...options);
    if (result.isError) throw new Error(`${name}: ${result.content[0].text}`);
    return result;
  };
  const onprogress = () => { seen.progress += 1; };
  const options = client.legacyOptions ? [undefined, { onprogress }] : [{ onprogress }];
  const described = await call("describe_model", { model: "flux-2-klein-4b" }, options);
  seen.described = described.structuredContent.id;
  const generated = await call(
    "run_model",
    { prompt: "a red house on a green hill", model: "flux-2-klein-4b", size: "512x512", seed: 7 },
    options,
  );
  seen.generated = generated.structuredContent;
  seen.types = generated.content.map((block) => block.type);
  const original = generated.structuredContent.images[0];
  const edited = await call(
    "run_model",
    { operation: "edit", prompt: "a blue sea", images: [original.id], mask, model: "flux-2-klein-4b", seed: 8 },
    options,
  );
  seen.edited = edited.structuredContent;
  seen.hashes = [];
  for (const [name, image] of [["original", original], ["edited", edited.structuredContent.images[0]]]) {
    const read = await client.readResource({ uri: image.uri });
    const bytes = Buffer.from(read.contents[0].blob, "base64");
    seen.hashes.push([image.sha256, createHash("sha256").update(bytes).digest("hex"), read.contents[0].mimeType]);
    writeFileSync(`${folder}/${name}.png`, bytes);
  }
  console.log(JSON.stringify(seen));
}

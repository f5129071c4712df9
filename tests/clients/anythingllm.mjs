// AnythingLLM (utils/ImageGenerators): the providers "localai" (generate) and "openai" (edit), which share one base.
// Arguments: its settings as JSON, an image file. Prints each call's bytes in base64.
import fs from 'node:fs';
import OpenAI from 'openai';

const [settings, imageFile] = process.argv.slice(2);
const environ = JSON.parse(settings);
const baseURL = environ.IMAGE_GEN_LOCALAI_BASE_PATH;

const bytes = async image => {
  if (image?.b64_json) return image.b64_json;
  const res = await fetch(image.url);
  if (!res.ok) throw new Error(`Failed to fetch generated image: ${res.status}`);
  return Buffer.from(await res.arrayBuffer()).toString('base64');
};

const generate = async (model, size) => {
  const client = new OpenAI({ baseURL, apiKey: environ.IMAGE_GEN_LOCALAI_API_KEY });
  const result = await client.images.generate({ model, prompt: 'a lighthouse in a storm', size, n: 1 });
  return bytes(result.data[0]);
};

const edit = async (model, count) => {
  const formData = new FormData();
  formData.append('model', model);
  formData.append('prompt', 'at night');
  formData.append('size', '256x256');
  formData.append('n', '1');
  for (let i = 0; i < count; i++) {
    const blob = new Blob([fs.readFileSync(imageFile)], { type: 'image/png' });
    formData.append('image', blob, `reference-${i}.png`);
  }
  const res = await fetch(`${baseURL}/images/edits`, {
    method: 'POST',
    headers: { Authorization: 'Bearer none' },
    body: formData,
  });
  if (!res.ok) throw new Error(`Image edit failed (${res.status}): ${await res.text()}`);
  return bytes((await res.json()).data[0]);
};

const FLUX = '@cf/black-forest-labs/flux-1-schnell';
const KLEIN = '@cf/black-forest-labs/flux-2-klein-4b';
console.log(
  JSON.stringify({
    generate_as_set: await generate(environ.IMAGE_GEN_MODEL_PREF, environ.IMAGE_GEN_SIZE_PREF),
    generate: await generate(FLUX, '256x256'),
    generate_default_size: await generate(FLUX, '1024x1024'),
    generate_alias: await generate('gpt-image-1', '256x256'),
    edit: await edit(KLEIN, 1),
    edit_several: await edit('gpt-image-1', 3),
  }),
);

// LobeChat (model-runtime, openaiCompatibleFactory/createImage.ts): openai-node with the options that it builds.
// Arguments: base URL, an image file. Prints the image URL that each call comes to.
import fs from 'node:fs';
import OpenAI from 'openai';

const [baseURL, imageFile] = process.argv.slice(2);
const client = new OpenAI({ apiKey: 'none', baseURL });
const photo = () => new File([fs.readFileSync(imageFile)], 'image-1760000000000.png', { type: 'image/png' });

const create = async (model, { images = [], ...params }) => {
  const userInput = { ...params };
  const isImageEdit = images.length > 0;
  if (isImageEdit) userInput.image = images.length === 1 ? images[0] : images;
  if (userInput.size === 'auto') delete userInput.size;
  const options = {
    model,
    n: 1,
    ...(model.includes('dall-e') ? { response_format: 'b64_json' } : {}),
    ...(isImageEdit ? { input_fidelity: 'high' } : {}),
    ...userInput,
  };
  const img = isImageEdit ? await client.images.edit(options) : await client.images.generate(options);
  const [data] = img.data;
  return { image: data.b64_json ?? null, url: data.url ?? null, usage: img.usage ?? null };
};

const prompt = 'a lighthouse in a storm';
const made = {};
made.gpt_image = await create('gpt-image-1', { prompt, size: 'auto', quality: 'auto' });
made.dalle = await create('dall-e-3', { prompt, size: '256x256', quality: 'standard' });
made.catalogue = await create('@cf/stabilityai/stable-diffusion-xl-base-1.0', {
  prompt,
  width: 320,
  height: 256,
  seed: 17,
  steps: 12,
  cfg: 8,
});
made.aspect = await create('@cf/black-forest-labs/flux-1-schnell', { prompt, aspectRatio: '16:9', seed: null });
made.edit_one = await create('gpt-image-1', { prompt: 'at night', images: [photo()], size: 'auto' });
made.edit_several = await create('@cf/black-forest-labs/flux-2-klein-4b', {
  prompt: 'at night',
  images: [photo(), photo()],
  size: '256x256',
});
console.log(JSON.stringify(made));

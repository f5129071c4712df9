// Vercel's AI SDK: generateImage over @ai-sdk/openai-compatible in its three behaviours, and over @ai-sdk/openai.
// Arguments: base URL, an image file, a mask file. Prints for every call the images in base64, or the error.
import fs from 'node:fs';
import { createOpenAI } from '@ai-sdk/openai';
import { generateImage } from 'ai';
import { generateImage as generateImage6 } from 'ai-6';
import { createOpenAICompatible } from 'openai-compatible';
import { createOpenAICompatible as createVersion2 } from 'openai-compatible-2';
import { createOpenAICompatible as createStrict } from 'openai-compatible-strict';

const [baseURL, imageFile, maskFile] = process.argv.slice(2);
const image = fs.readFileSync(imageFile);
const mask = fs.readFileSync(maskFile);
const options = { name: 'gateway', baseURL, apiKey: 'none' };
const FLUX = '@cf/black-forest-labs/flux-1-schnell';
const KLEIN = '@cf/black-forest-labs/flux-2-klein-4b';
const providers = {
  current: [generateImage, createOpenAICompatible(options)],
  version2: [generateImage6, createVersion2(options)],
  strict: [generateImage, createStrict(options)],
  openai: [generateImage6, createOpenAI({ baseURL, apiKey: 'none' })],
};

const calls = {
  generate: model => ({ model: model(FLUX), prompt: 'a red fox', size: '256x256', n: 2 }),
  alias: model => ({ model: model('gpt-image-1'), prompt: 'a red fox', size: '256x256' }),
  options: model => ({
    model: model(FLUX),
    prompt: 'a red fox',
    size: '256x256',
    providerOptions: { gateway: { seed: 5, steps: 6, response_format: 'b64_json' } },
  }),
  edit: model => ({ model: model(KLEIN), prompt: { text: 'at night', images: [image], mask }, n: 1 }),
  edit_several: model => ({
    model: model('gpt-image-1'),
    prompt: { text: 'at night', images: [image, image] },
    size: '256x256',
  }),
  refused: model => ({ model: model(FLUX), prompt: 'a red fox', size: '8x8', maxRetries: 0 }),
};

const results = {};
globalThis.AI_SDK_LOG_WARNINGS = false;
for (const [provider, [generate, made]] of Object.entries(providers)) {
  for (const [call, argumentsOf] of Object.entries(calls)) {
    try {
      const { images } = await generate(argumentsOf(id => made.imageModel(id)));
      results[`${provider}.${call}`] = { images: images.map(one => one.base64) };
    } catch (error) {
      results[`${provider}.${call}`] = { error: error.message, status: error.statusCode };
    }
  }
}
console.log(JSON.stringify(results));

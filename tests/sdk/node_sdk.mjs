// The OpenAI Node SDK, call by call. Arguments: base URL, folder of image.png, photo.jpg and mask.png.
// Prints one JSON object: what each call answered.
import fs from 'node:fs';
import path from 'node:path';
import OpenAI, { APIError } from 'openai';

const [baseURL, folder] = process.argv.slice(2);
const openai = new OpenAI({ baseURL, apiKey: 'none' });
const file = name => fs.createReadStream(path.join(folder, name));
const KLEIN = '@cf/black-forest-labs/flux-2-klein-4b';
const small = { prompt: 'a red fox', model: KLEIN, size: '256x256' };

const answers = {};
answers.generate = await openai.images.generate({ ...small, n: 2, seed: 3 });
answers.base64 = await openai.images.generate({ ...small, response_format: 'b64_json', seed: 3 });
answers.edit = await openai.images.edit({ prompt: 'at night', model: KLEIN, image: file('image.png') });
answers.edit_several = await openai.images.edit({
  prompt: 'all of them',
  model: KLEIN,
  image: [file('image.png'), file('photo.jpg')],
  mask: file('mask.png'),
  n: 2,
  input_fidelity: 'high',
});
answers.buffer = await openai.images.edit({
  prompt: 'at night',
  model: 'gpt-image-1',
  image: new File([fs.readFileSync(path.join(folder, 'image.png'))], 'image.png', { type: 'image/png' }),
});
answers.vary = await openai.images.createVariation({ image: file('image.png'), n: 2, size: '256x256' });

answers.models = [];
for await (const model of openai.models.list()) answers.models.push(model.id);
answers.model = await openai.models.retrieve(KLEIN);

answers.events = [];
const stream = await openai.images.generate({ ...small, stream: true, partial_images: 2 });
for await (const event of stream) answers.events.push(event);
answers.edit_events = [];
const edits = await openai.images.edit({ ...small, image: file('image.png'), stream: true, partial_images: 1 });
for await (const event of edits) answers.edit_events.push(event);

const messages = [{ role: 'user', content: 'a blue boat' }];
answers.chat = await openai.chat.completions.create({ model: 'gpt-image-1', messages, size: '256x256' });
answers.chat_chunks = [];
const chat = await openai.chat.completions.create({ model: KLEIN, messages, size: '256x256', stream: true });
for await (const chunk of chat) answers.chat_chunks.push(chunk);

const refusal = async call => {
  try {
    return { unexpected: await call() };
  } catch (error) {
    if (!(error instanceof APIError)) throw error;
    const { status, code, param, type, requestID } = error;
    return { name: error.constructor.name, status, code, param, type, requestID };
  }
};
answers.bad_size = await refusal(() => openai.images.generate({ ...small, size: '8x8' }));
answers.no_model = await refusal(() => openai.models.retrieve('gpt-6-astra'));
console.log(JSON.stringify(answers));

// LibreChat's tools image_gen_oai, image_edit_oai (OpenAIImageTools.js) and DALL-E-3 (DALLE3.js): its libraries and
// its arguments. Arguments: its settings as JSON, an image file. Prints what each tool reads of its answer.
import fs from 'node:fs';
import path from 'node:path';
import axios from 'axios';
import FormData from 'form-data';
import OpenAI from 'openai';

const [settings, image] = process.argv.slice(2);
const environ = JSON.parse(settings);
const baseURL = environ.IMAGE_GEN_OAI_BASEURL;
const apiKey = environ.IMAGE_GEN_OAI_API_KEY;
const openai = new OpenAI({ apiKey, baseURL });
const read = {};

for (const output_format of ['png', 'webp', 'jpeg']) {
  const resp = await openai.images.generate({
    model: 'gpt-image-1',
    prompt: 'a lighthouse in a storm',
    n: 1,
    background: 'auto',
    output_format,
    output_compression: output_format === 'png' ? undefined : 100,
    quality: 'auto',
    size: 'auto',
  });
  read[`image_gen_oai_${output_format}`] = resp.data[0].b64_json;
}

const edit = async (name, config) => {
  const formData = new FormData();
  formData.append('model', 'gpt-image-1');
  formData.append('prompt', 'at night');
  formData.append('quality', 'auto');
  formData.append('size', 'auto');
  formData.append('image[]', fs.createReadStream(image), { filename: path.basename(image), contentType: 'image/png' });
  const response = await axios.post('/images/edits', formData, {
    headers: { ...formData.getHeaders(), ...config.headers },
    baseURL: config.baseURL,
    params: config.params,
  });
  read[name] = response.data.data[0].b64_json;
};
await edit('image_edit_oai', { baseURL, headers: { Authorization: `Bearer ${apiKey}` } });
await edit('image_edit_oai_azure', {
  baseURL: baseURL.replace('/v1', '/openai/deployments/gpt-image-1'),
  headers: { 'api-key': apiKey },
  params: { 'api-version': '2025-04-01-preview' },
});

const dalle = new OpenAI({ apiKey: environ.DALLE_API_KEY, baseURL: environ.DALLE_REVERSE_PROXY });
const resp = await dalle.images.generate({
  model: 'dall-e-3',
  quality: 'standard',
  style: 'vivid',
  size: '1024x1792',
  prompt: 'a lighthouse in a storm',
  n: 1,
});
read.dalle3 = resp.data[0].url;
read.dalle3_extension = path.extname(path.basename(new URL(read.dalle3).pathname));
console.log(JSON.stringify(read));

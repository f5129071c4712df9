// n8n's OpenAI node (nodes-langchain, vendors/OpenAi/v2): its requests with the libraries under its httpRequest helper.
// Arguments: base URL, an image file, a mask file. Prints what the node would hand on.
import fs from 'node:fs';
import axios from 'axios';
import FormData from 'form-data';

const [baseURL, imageFile, maskFile] = process.argv.slice(2);
const headers = { Authorization: 'Bearer none' };
const handedOn = {};

const generate = async (name, model, options, returnImageUrls = false) => {
  const supportsResponseFormat = !model.startsWith('gpt-image');
  const response_format = returnImageUrls && supportsResponseFormat ? 'url' : 'b64_json';
  const body = {
    prompt: 'a lighthouse in a storm',
    model,
    response_format: supportsResponseFormat ? response_format : undefined,
    ...options,
  };
  const { data } = (await axios.post(`${baseURL}/images/generations`, body, { headers })).data;
  handedOn[name] = response_format === 'url' ? data : data.map(entry => entry.b64_json);
};

const edit = async (name, model, options) => {
  const isGPTImage1 = model.startsWith('gpt-image-1');
  const formData = new FormData();
  const file = { filename: 'photo.png', contentType: 'image/png' };
  formData.append(isGPTImage1 ? 'image[]' : 'image', fs.readFileSync(imageFile), file);
  formData.append('prompt', 'at night');
  formData.append('model', model);
  formData.append('n', '1');
  formData.append('size', '256x256');
  if (model === 'dall-e-2') formData.append('response_format', options.response_format);
  if (isGPTImage1) {
    formData.append('background', 'auto');
    formData.append('input_fidelity', 'high');
    formData.append('output_format', 'webp');
    formData.append('output_compression', '80');
    formData.append('quality', 'auto');
  }
  if (options.mask) formData.append('mask', fs.readFileSync(maskFile), { ...file, filename: 'mask.png' });
  const all = { ...headers, ...formData.getHeaders() };
  const { data } = (await axios.post(`${baseURL}/images/edits`, formData, { headers: all })).data;
  handedOn[name] = isGPTImage1 || options.response_format !== 'url' ? data.map(entry => entry.b64_json) : data;
};

const { data: models } = (await axios.get(`${baseURL}/models`, { headers })).data;
handedOn.dropdown = models.map(model => model.id).filter(id => id.includes('dall-e') || id.includes('gpt-image'));
await generate('default', 'gpt-image-1-mini', { size: '256x256' });
await generate('dalle3', 'dall-e-3', { quality: 'hd', size: '256x256', style: 'natural' });
await generate('dalle2_urls', 'dall-e-2', { n: 2, size: '256x256' }, true);
await generate('typed_id', '@cf/black-forest-labs/flux-1-schnell', { size: '256x256', n: 2 });
await edit('edit', 'gpt-image-1', { mask: true });
await edit('edit_dalle2_url', 'dall-e-2', { response_format: 'url' });
await edit('edit_dalle2_base64', 'dall-e-2', { response_format: 'b64_json' });
console.log(JSON.stringify(handedOn));

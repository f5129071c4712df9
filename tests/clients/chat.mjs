// Chat with an image model by Vercel's AI SDK and OpenRouter's provider, in one piece and as a stream.
// Arguments: base URL. Prints the text and the files of each answer, and the error of one that is refused.
import { createOpenRouter } from '@openrouter/ai-sdk-provider';
import { generateText, streamText } from 'ai-6';

const [baseURL] = process.argv.slice(2);
const openrouter = createOpenRouter({ baseURL, apiKey: 'none', extraBody: { size: '256x256', seed: 3 } });
const KLEIN = '@cf/black-forest-labs/flux-2-klein-4b';
const files = list => list.map(file => ({ type: file.mediaType, base64: file.base64 }));

const results = {};
const whole = await generateText({ model: openrouter.chat(KLEIN), prompt: 'a red apple', maxRetries: 0 });
results.whole = { text: whole.text, files: files(whole.files), finish: whole.finishReason };

const stream = streamText({ model: openrouter.chat(KLEIN), prompt: 'a red apple', maxRetries: 0 });
let text = '';
for await (const part of stream.textStream) text += part;
results.stream = { text, files: files(await stream.files), finish: await stream.finishReason };

const content = [
  { type: 'text', text: 'make it blue' },
  { type: 'file', data: whole.files[0].base64, mediaType: whole.files[0].mediaType },
];
const edit = await generateText({ model: openrouter.chat(KLEIN), messages: [{ role: 'user', content }], maxRetries: 0 });
results.edit = { text: edit.text, files: files(edit.files), finish: edit.finishReason };

try {
  await generateText({ model: openrouter.chat('gpt-4o'), prompt: 'a red apple', maxRetries: 0 });
} catch (error) {
  results.refused = { status: error.statusCode, error: error.message };
}
console.log(JSON.stringify(results));

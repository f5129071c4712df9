// Calls of the REST API, with the key of this session; errors carry what to do about them.
const KEY = "api-key";

export const getKey = () => sessionStorage.getItem(KEY) ?? "";
export const setKey = (key) => (key ? sessionStorage.setItem(KEY, key) : sessionStorage.removeItem(KEY));

export class ApiError extends Error {
  constructor(status, message, param) {
    super(message);
    this.status = status;
    this.param = param;
  }
}

const ADVICE = {
  401: "Enter the server's API key with the button above.",
  413: "Use a smaller image.",
  429: "Wait a little and try again.",
  502: "The server could not reach the image service; try again.",
  503: "The service is busy; try again in a moment.",
  504: "The service took too long; try again or use fewer steps.",
};

async function send(path, { method = "GET", body, signal } = {}) {
  const headers = {};
  if (getKey()) headers.authorization = `Bearer ${getKey()}`;
  if (body && !(body instanceof FormData)) {
    headers["content-type"] = "application/json";
    body = JSON.stringify(body);
  }
  let answer;
  try {
    answer = await fetch(path, { method, body, headers, signal });
  } catch (error) {
    throw lost(error);
  }
  if (!answer.ok) {
    const { error = {} } = await answer.json().catch(() => ({}));
    throw refusal(answer.status, error, Number(answer.headers.get("retry-after")));
  }
  return answer;
}

// What a connection that fails is shown as; a cancelled one stays what it is.
const lost = (error) => (error.name === "AbortError" ? error : new ApiError(0, "The server cannot be reached. Check that it is running, then try again."));

// [unit, seconds of one]; the largest of which there are two is used.
const UNITS = [["h", 3600], ["min", 60], ["s", 1]];

function tryAgainIn(seconds) {
  const [unit, one] = UNITS.find(([, length]) => seconds >= 2 * length) ?? UNITS.at(-1);
  return `Try again in ${Math.ceil(seconds / one)} ${unit}.`;
}

// retryAfter: seconds, as the server says; 0 where it does not.
function refusal(status, { message = `The server answered ${status}`, param }, retryAfter = 0) {
  const sentence = /[.!?]$/.test(message) ? message : `${message}.`;
  const advice = retryAfter > 0 ? tryAgainIn(retryAfter) : ADVICE[status];
  return new ApiError(status, [sentence, advice].filter(Boolean).join(" "), param);
}

export async function call(path, options) {
  return (await send(path, options)).json();
}

// The bytes of a stored image.
export async function loadImage(path) {
  return (await send(path)).blob();
}

// The answer to a request with stream: true, which is its last event; onPartial(url) gets each partial image.
export async function callStream(path, { body, signal, onPartial }) {
  const answer = await send(path, { method: "POST", body, signal });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = [];
  let completed;
  try {
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      // Only the new piece is searched: an event holds a whole image.
      const parts = piece.value.split("\n");
      waiting.push(parts.shift());
      for (const part of parts) {
        const line = waiting.join("");
        waiting = [part];
        if (!line.startsWith("data: {")) continue;
        const event = JSON.parse(line.slice(6));
        if (event.error) throw refusal(0, event.error);
        if (event.type.endsWith(".partial_image")) onPartial(dataUrl(event));
        else completed = event;
      }
    }
  } catch (error) {
    throw error instanceof ApiError ? error : lost(error);
  }
  if (!completed) throw new ApiError(0, "The server stopped before the image was done. Try again.");
  return { ...completed, data: [completed] };
}

export const dataUrl = ({ output_format: format = "png", b64_json: base64 }) => `data:image/${format};base64,${base64}`;

// An image's path on this server, whatever origin its URL names.
export const imagePath = (url) => `images/${url.split("/").pop()}`;

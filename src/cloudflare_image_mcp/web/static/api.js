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

export async function call(path, { method = "GET", body, signal } = {}) {
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
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "The server cannot be reached. Check that it is running, then try again.");
  }
  const json = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    const error = json.error ?? {};
    const advice = ADVICE[answer.status] ? ` ${ADVICE[answer.status]}` : "";
    throw new ApiError(answer.status, `${error.message ?? `The server answered ${answer.status}`}.${advice}`.replace("..", "."), error.param);
  }
  return json;
}

// An image's path on this server, whatever origin its URL names.
export const imagePath = (url) => `images/${url.split("/").pop()}`;

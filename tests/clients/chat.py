"""Chat with an image model by LangChain's ChatOpenAI and by LiteLLM. Runs in the environment of
requirements/agents.txt: ``python chat.py '{"url": …}'``. Prints the answers as a line of JSON.
"""

import json
import sys
from typing import Any

KLEIN = "@cf/black-forest-labs/flux-2-klein-4b"
SMALL = {"size": "256x256", "seed": 3}
PROMPT = "a red apple"


def langchain(url: str) -> dict[str, Any]:
    """In one piece, as a stream, as an edit of a picture, and refused."""
    from langchain_core.messages import HumanMessage
    from langchain_openai import ChatOpenAI
    from openai import NotFoundError
    from pydantic import SecretStr

    def chat(model: str) -> ChatOpenAI:
        return ChatOpenAI(model=model, base_url=url, api_key=SecretStr("none"), max_retries=0, extra_body=SMALL)

    answer = chat(KLEIN).invoke(PROMPT)
    picture = {"type": "image_url", "image_url": {"url": _link(str(answer.content))}}
    results = {
        "whole": answer.content,
        "stream": "".join(str(chunk.content) for chunk in chat(KLEIN).stream(PROMPT)),
        "edit": chat(KLEIN).invoke([HumanMessage([{"type": "text", "text": "make it blue"}, picture])]).content,
    }
    try:
        chat("gpt-4o").invoke(PROMPT)
    except NotFoundError as error:
        results["refused"] = str(error)
    return results


def litellm(url: str) -> dict[str, Any]:
    """In one piece, as a stream, and refused."""
    import litellm as client

    messages = [{"role": "user", "content": PROMPT}]
    given: Any = {"api_base": url, "api_key": "none", "messages": messages, "extra_body": SMALL, "max_retries": 0}
    answer: Any = client.completion(model=f"openai/{KLEIN}", **given)
    message = answer.choices[0].message
    text = ""
    images: list[Any] = []
    for chunk in client.completion(model=f"openai/{KLEIN}", stream=True, **given):
        delta: Any = chunk.choices[0].delta
        text += delta.content or ""
        images += getattr(delta, "images", None) or []
    results: dict[str, Any] = {
        "whole": {"text": message.content, "images": [image["image_url"]["url"] for image in message.images]},
        "stream": {"text": text, "images": [image["image_url"]["url"] for image in images]},
    }
    try:
        client.completion(model="openai/gpt-4o", **given)
    except client.NotFoundError as error:
        results["refused"] = str(error)
    return results


def _link(markdown: str) -> str:
    return markdown.rpartition("](")[2].removesuffix(")")


if __name__ == "__main__":
    url = json.loads(sys.argv[1])["url"]
    print(json.dumps({"langchain": langchain(url), "litellm": litellm(url)}))  # noqa: T201 - its answer

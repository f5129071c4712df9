"""Chat with an image model by LangChain's ChatOpenAI and by LiteLLM. Runs in the environment of
requirements/agents.txt: ``python chat.py '{"url": …, "models": …}'``, the second a list of models as LiteLLM's proxy
has it (YAML). Prints the answers as a line of JSON.
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


def litellm_models(config: str) -> list[str]:
    """The URL of an image from each model of the list, asked for by LiteLLM's router, which its proxy uses."""
    import yaml
    from litellm import Router

    rows = yaml.safe_load(config)["model_list"]
    router = Router(model_list=rows)
    return [router.image_generation(model=row["model_name"], prompt=PROMPT, n=1).data[0].url for row in rows]


def _link(markdown: str) -> str:
    return markdown.rpartition("](")[2].removesuffix(")")


if __name__ == "__main__":
    options = json.loads(sys.argv[1])
    results = {
        "langchain": langchain(options["url"]),
        "litellm": litellm(options["url"]),
        "models": litellm_models(options["models"]),
    }
    print(json.dumps(results))  # noqa: T201 - its answer

"""The dashboard and the manifests name only metrics, settings and routes that exist, and the dashboard every metric."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from tests.workerd import ROOT

from cloudflare_image_mcp.core.metrics import Durations, Metrics
from cloudflare_image_mcp.rest.paths import METRICS, NO_KEY
from cloudflare_image_mcp.settings import SETTINGS
from cloudflare_image_mcp.usage.prometheus import exposition

KUBERNETES = ROOT / "deploy" / "kubernetes"
DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "dashboard.json").read_text("utf-8"))
EXPRESSIONS = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]


def samples() -> dict[str, set[str]]:
    """The names of all samples of /metrics, with those of their labels."""
    metrics = Metrics()
    metrics.requests["generate", "m", "b", "200", "k"] += 1
    metrics.durations["generate", "m", "b"] = Durations()
    metrics.images["generate", "m", "b", "k"] += 1
    metrics.cache["hit", "k"] += 1
    metrics.neurons["m", "b", "k"] = metrics.usd["m", "b", "k"] = 1.0
    metrics.traffic.outcomes["m", "0000", ""] += 1
    metrics.traffic.retries["3040"] += 1
    families = text_string_to_metric_families(exposition(metrics).decode())
    return {sample.name: set(sample.labels) for family in families for sample in family.samples}


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_a_panel_asks_for_a_metric_and_labels_that_exist(expression: str) -> None:
    known = samples()
    (name,) = re.findall(r"(images?_\w+)\{", expression)
    assert name in known
    grouped = re.findall(r"by \(([^)]*)\)", expression)
    labels = {label.strip() for group in grouped for label in group.split(",")} | {
        *re.findall(r'(\w+)!?=~?"', expression)
    }
    assert labels - {"instance"} <= known[name]


def test_every_metric_is_on_the_dashboard() -> None:
    families = {re.sub(r"_(bucket|count|sum|created)$", "", name) for name in samples()}
    shown = {re.sub(r"_bucket$", "", name) for text in EXPRESSIONS for name in re.findall(r"(images?_\w+)\{", text)}
    assert families == shown


def test_panels_do_not_overlap() -> None:
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in DASHBOARD["panels"]]
    assert len(set(places)) == len(places) == len({panel["id"] for panel in DASHBOARD["panels"]})


def manifests() -> list[dict[str, Any]]:
    files = sorted(KUBERNETES.glob("*.yaml"))
    return [document for file in files for document in yaml.safe_load_all(file.read_text("utf-8"))]


def one(kind: str, name: str) -> dict[str, Any]:
    (found,) = [item for item in manifests() if item["kind"] == kind and item["metadata"]["name"] == name]
    return found


def test_every_variable_of_the_manifest_is_one_that_the_gateway_reads() -> None:
    known = {setting.name for setting in SETTINGS}
    text = (KUBERNETES / "gateway.yaml").read_text("utf-8")
    named = {*one("ConfigMap", "image-gateway")["data"], *re.findall(r"--from-literal=(\w+)=", text)}
    assert {name for name in named if not name.startswith("AWS_")} <= known


def test_the_probes_ask_for_routes_that_need_no_key() -> None:
    template = one("Deployment", "image-gateway")["spec"]["template"]
    (container,) = template["spec"]["containers"]
    probes = {name: container[name]["httpGet"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert {name: probe["path"] for name, probe in probes.items()} == {
        "startupProbe": "/health",
        "livenessProbe": "/health",
        "readinessProbe": "/ready",
    }
    assert {probe["path"] for probe in probes.values()} <= NO_KEY
    assert {probe["port"] for probe in probes.values()} <= {port["name"] for port in container["ports"]}
    assert template["metadata"]["annotations"]["prometheus.io/path"] == METRICS


def test_the_manifests_fit_together() -> None:
    gateway, settings = one("Deployment", "image-gateway"), one("ConfigMap", "image-gateway")["data"]
    spec = gateway["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert set(mounts) == {volume["name"] for volume in spec["volumes"]}
    assert settings["API_KEYS_FILE"].startswith(f"{mounts['keys']}/")
    assert spec["terminationGracePeriodSeconds"] > int(settings["SHUTDOWN_TIMEOUT"])
    redis = one("Service", settings["REDIS_URL"].split("/")[2].split(":")[0])
    for service in (one("Service", "image-gateway"), redis):
        selected = service["spec"]["selector"]
        pods = [item["spec"]["template"] for item in manifests() if "template" in item.get("spec", {})]
        assert selected in [pod["metadata"]["labels"] for pod in pods]

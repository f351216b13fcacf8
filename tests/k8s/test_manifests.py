"""The manifests of k8s/: rendered, strictly valid, and complete; and a corpus of broken ones, each found."""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
import time
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from support.manifests import Document, Mutation, containers, faults, found, pod_templates, render
from support.paths import ROOT

from inspector.adapters.serving.ray_environment import RAY_ENVIRONMENT
from inspector.adapters.telemetry.metrics import METRICS, MetricKind
from inspector.settings import Settings

OVERLAYS = ("cpu-demo", "gpu")
CRD = os.environ.get("RAYSERVICE_CRD", "")  # KubeRay's ray.io_rayservices.yaml
PARTS_OF = {MetricKind.HISTOGRAM: ("_bucket", "_sum", "_count"), MetricKind.SUMMARY: ("_sum", "_count")}


@cache
def rendered(overlay: str) -> list[Document]:
    return render(overlay)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_overlay_is_valid_and_complete(overlay: str) -> None:
    assert faults(rendered(overlay)) == []


@pytest.mark.skipif(not CRD, reason="RAYSERVICE_CRD names no file with KubeRay's CRD of RayServices")
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_rayservice_holds_no_field_that_its_crd_does_not_know(overlay: str) -> None:
    versions = yaml.safe_load(Path(CRD).read_text())["spec"]["versions"]
    schema = next(each["schema"]["openAPIV3Schema"] for each in versions if each["name"] == "v1")
    jsonschema.validate(found(rendered(overlay), "RayService"), closed(schema))


def closed(schema: Any) -> Any:
    """The same schema, in which objects with named properties have no others."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: closed(value) for key, value in schema.items()}
    if "properties" in inner and "additionalProperties" not in inner and "metadata" not in inner["properties"]:
        inner["additionalProperties"] = bool(schema.get("x-kubernetes-preserve-unknown-fields"))
    return inner


def rayservice(documents: list[Document]) -> Document:
    return found(documents, "RayService")


def cluster(documents: list[Document]) -> Document:
    config: Document = rayservice(documents)["spec"]["rayClusterConfig"]
    return config


def console_container(documents: list[Document]) -> Document:
    container: Document = cluster(documents)["workerGroupSpecs"][1]["template"]["spec"]["containers"][0]
    return container


def head_spec(documents: list[Document]) -> Document:
    spec: Document = cluster(documents)["headGroupSpec"]["template"]["spec"]
    return spec


def unknown_field(kind: str) -> Mutation:
    def mutate(documents: list[Document]) -> None:
        target = found(documents, kind)
        (target["spec"] if "spec" in target and kind != "Namespace" else target)["sepc"] = {"a": 1}

    return mutate


def drop(kind: str, name: str) -> Mutation:
    def mutate(documents: list[Document]) -> None:
        documents.remove(next(e for e in documents if e["kind"] == kind and e["metadata"]["name"].startswith(name)))

    return mutate


KINDS = sorted({each["kind"] for overlay in OVERLAYS for each in rendered(overlay)})
BROKEN: list[tuple[str, Mutation, str]] = [
    *((f"unknown field in {kind}", unknown_field(kind), "sepc") for kind in KINDS),
    ("wrong type", lambda d: found(d, "StatefulSet")["spec"].update(replicas="one"), "'one'"),
    ("wrong type in a RayService", lambda d: rayservice(d)["spec"].update(serviceUnhealthySecondThreshold="9"), "'9'"),
    ("missing Secret", drop("Secret", "inspector-database"), "Secret inspector-database does not exist"),
    ("missing key of a Secret", lambda d: found(d, "Secret", "inspector-broker")["stringData"].clear(), "has no key"),
    ("missing ConfigMap", drop("ConfigMap", "inspector-settings"), "does not exist"),
    ("missing claim", drop("PersistentVolumeClaim", "inspector-evidence"), "inspector-evidence does not exist"),
    ("missing account", drop("ServiceAccount", "inspector"), "ServiceAccount inspector does not exist"),
    (
        "hashed name not replaced",
        lambda d: console_container(d)["envFrom"][0]["configMapRef"].update(name="inspector-settings"),
        "ConfigMap inspector-settings does not exist",
    ),
    (
        "selector that matches nothing",
        lambda d: found(d, "Service", "inspector-console")["spec"]["selector"].update({"app": "x"}),
        "matches no pod",
    ),
    (
        "budget that matches nothing",
        lambda d: found(d, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"].update({"app": "x"}),
        "matches no pod",
    ),
    ("image without a tag", lambda d: console_container(d).update(image="plant/inspector"), "no fixed tag"),
    ("image of the day", lambda d: console_container(d).update(image="plant/inspector:latest"), "no fixed tag"),
    (
        "port name that nothing serves",
        lambda d: found(d, "Service", "inspector-console")["spec"]["ports"][0].update(targetPort="web"),
        "no pod serves the port web",
    ),
    (
        "probe on a wrong path",
        lambda d: console_container(d)["readinessProbe"]["httpGet"].update(path="/healthz"),
        "/healthz is not served",
    ),
    (
        "probe on a wrong port",
        lambda d: console_container(d)["readinessProbe"]["httpGet"].update(port="http"),
        "no port is named http",
    ),
    (
        "misspelt group field of a RayService",
        lambda d: cluster(d)["workerGroupSpecs"][0].update(minReplica=1),
        "minReplica",
    ),
    (
        "misspelt field of a RayService's pods",
        lambda d: head_spec(d)["containers"][0].update(imagePullPolcy="Always"),
        "imagePullPolcy",
    ),
    (
        "misspelt rule of a NetworkPolicy",
        lambda d: found(d, "NetworkPolicy", "postgres")["spec"]["ingress"][0].update(form=[]),
        "form",
    ),
    (
        "ServiceMonitor of another label",
        lambda d: found(d, "ServiceMonitor")["spec"]["selector"]["matchLabels"].update({"app": "x"}),
        "matches no Service",
    ),
    (
        "ServiceMonitor of another port",
        lambda d: found(d, "ServiceMonitor")["spec"]["endpoints"][0].update(port="metrics"),
        "no Service has a port named metrics",
    ),
    (
        "mount of no volume",
        lambda d: console_container(d)["volumeMounts"][0].update(name="temp"),
        "mounts temp, which is no volume of the pod",
    ),
    (
        "policy for a peer that is no pod",
        lambda d: found(d, "NetworkPolicy", "postgres")["spec"]["ingress"][0]["from"][0]["podSelector"].update(
            matchLabels={"app": "x"}
        ),
        "matches no pod",
    ),
    (
        "policy for a port that nothing serves",
        lambda d: found(d, "NetworkPolicy", "postgres")["spec"]["ingress"][0]["ports"][0].update(port=5433),
        "no pod serves the port 5433",
    ),
    (
        "probe of the head on a wrong path",
        lambda d: head_spec(d)["containers"][0]["readinessProbe"]["exec"]["command"].append(
            "wget http://localhost:8265/healthz"
        ),
        "/healthz is not served on port 8265",
    ),
    ("unknown kind", lambda d: d.append({"apiVersion": "x/v1", "kind": "Rey", "metadata": {"name": "a"}}), "no schema"),
    ("root", lambda d: console_container(d)["securityContext"].update(runAsNonRoot=False), "may run as root"),
    (
        "writable root file system",
        lambda d: console_container(d)["securityContext"].update(readOnlyRootFilesystem=False),
        "is writable",
    ),
    ("no bound of memory", lambda d: console_container(d).pop("resources"), "not bounded"),
]


@pytest.mark.parametrize(("mutate", "words"), [(m, w) for _, m, w in BROKEN], ids=[name for name, _, _ in BROKEN])
def test_broken_manifest_is_found(mutate: Mutation, words: str) -> None:
    documents = copy.deepcopy(rendered("gpu"))
    mutate(documents)
    assert any(words in fault for fault in faults(documents)), faults(documents)


def test_every_setting_of_the_manifests_exists() -> None:
    known = {f"INSPECTOR_{name.upper()}" for name in Settings.model_fields}
    for overlay in OVERLAYS:
        documents = rendered(overlay)
        settings = next(d for d in documents if d["metadata"]["name"].startswith("inspector-settings"))["data"]
        env = {
            e["name"] for _, t in pod_templates(documents) for c in t["spec"]["containers"] for e in c.get("env", [])
        }
        assert {name for name in {*settings, *env} if name.startswith("INSPECTOR_")} <= known


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_group_has_the_resource_that_its_processes_ask_for(overlay: str) -> None:
    documents = rendered(overlay)
    settings = next(d for d in documents if d["metadata"]["name"].startswith("inspector-settings"))["data"]
    offered = [group["rayStartParams"].get("resources", "") for group in cluster(documents)["workerGroupSpecs"]]
    names = {name for text in offered for name in json.loads(json.loads(text))}
    assert {value for name, value in settings.items() if name.endswith("_RESOURCE")} == names


def test_rules_of_the_operator_are_those_of_the_file() -> None:
    rule = yaml.safe_load((ROOT / "k8s" / "monitoring" / "prometheus-rule.yaml").read_text())
    assert rule["spec"] == yaml.safe_load((ROOT / "k8s" / "alerts.yaml").read_text())


def test_every_query_of_the_board_is_about_metrics_that_exist() -> None:
    board = json.loads((ROOT / "k8s" / "monitoring" / "board.json").read_text())
    series = {f"{metric.name}{part}" for metric in METRICS for part in PARTS_OF.get(metric.kind, ("",))}
    queries = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    named = {name for query in queries for name in re.findall(r"\binspector_\w+", query)}
    assert named <= series
    assert len(named) >= 15


def test_acl_of_the_broker_is_what_the_program_exports() -> None:
    assert "user inspector\n" in (ROOT / "k8s" / "base" / "mosquitto.acl").read_text()


def test_nodes_start_ray_with_the_variables_of_a_private_one() -> None:
    [settings] = [each for each in rendered("cpu-demo") if each["metadata"]["name"].startswith("inspector-settings")]
    assert RAY_ENVIRONMENT.items() <= settings["data"].items()


def test_every_pod_of_the_gpu_overlay_reads_the_keys_of_the_pictures_bucket() -> None:
    """The head applies lines with golden samples, and replicas read them."""
    for _, template in pod_templates([rayservice(rendered("gpu"))]):
        spec = template["spec"]
        assert "inspector-evidence-s3" in [each.get("secret", {}).get("secretName") for each in spec["volumes"]]
        for container in containers(spec):
            assert "/etc/inspector/s3" in [each["mountPath"] for each in container["volumeMounts"]]


@pytest.mark.parametrize(("age_s", "is_ready"), [(1.0, True), (60.0, False)])
def test_pod_of_a_station_that_stopped_is_not_ready(tmp_path: Path, age_s: float, is_ready: bool) -> None:
    """The probe's command runs with a sign of this age, next to a raylet that is well."""
    [station] = [each for each in cluster(rendered("cpu-demo"))["workerGroupSpecs"] if each["groupName"] == "stations"]
    *shell, script = station["template"]["spec"]["containers"][0]["readinessProbe"]["exec"]["command"]
    sign = tmp_path / "working" / "station-0"
    sign.parent.mkdir()
    sign.touch()
    os.utime(sign, (time.time() - age_s,) * 2)
    (tmp_path / "wget").write_text("#!/bin/sh\necho success\n")
    (tmp_path / "wget").chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run([*shell, script.replace("/data/", f"{tmp_path}/")], env=environment, check=False)
    assert (done.returncode == 0) == is_ready

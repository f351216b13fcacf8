"""Finds what is wrong with rendered Kubernetes manifests, as far as that can be seen without a cluster.

Schemas: the built-in kinds by `kubernetes-validate`, the others by the schemas in `support/schemas`. Then what no
schema says: objects that are named and not there, selectors that match nothing, ports that nothing serves.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import jsonschema
import kubernetes_validate
import yaml
from support.paths import ROOT, SUPPORT

Document = dict[str, Any]
KUBECTL: Final = Path(sys.executable).parent / "kubectl"
SCHEMAS: Final = {file.stem: json.loads(file.read_text()) for file in sorted((SUPPORT / "schemas").glob("*.json"))}
KUBERNETES: Final = kubernetes_validate.latest_version()
RAYLET_HEALTH: Final = "/api/local_raylet_healthz"
PROBED_BY_SHELL: Final = {52365: {RAYLET_HEALTH}, 8265: {"/api/gcs_healthz"}}
ASKED_BY_SHELL: Final = re.compile(r"http://localhost:(\d+)(/[\w/-]*)")
PROBED_PATHS: Final = {"agent": {RAYLET_HEALTH}, "console": {"/health/live", "/health/ready"}}


def render(overlay: str) -> list[Document]:
    """Render an overlay of k8s/, with the Secrets that a plant makes."""
    folder = ROOT / "k8s" / "overlays" / overlay
    done = subprocess.run([KUBECTL, "kustomize", folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    secrets = yaml.safe_load_all((ROOT / "k8s" / "secrets.yaml").read_text())
    return [*yaml.safe_load_all(done.stdout), *secrets]


def faults(documents: list[Document]) -> list[str]:
    """Return all faults, each with the object's name."""
    checks = (
        schema_faults, reference_faults, mount_faults, selector_faults, policy_faults, probe_faults, container_faults,
        monitor_faults,
    )  # fmt: skip
    return [fault for check in checks for fault in check(documents)]


def schema_faults(documents: list[Document]) -> Iterator[str]:
    """Check every object, and the pods of a RayService, whose own schema leaves them open."""
    pods = {
        owner: {"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": "x"}, "template": template}
        for owner, template in pod_templates(documents)
        if owner.startswith("RayService/")
    }
    checked = {name_of(document): document for document in documents} | pods
    for owner, document in checked.items():
        if fault := _schema_fault(json.dumps(document)):
            yield f"{owner}: {fault}"


@cache
def _schema_fault(text: str) -> str:
    document = json.loads(text)
    try:
        if document["kind"] in SCHEMAS:
            jsonschema.validate(document, SCHEMAS[document["kind"]])
        else:
            kubernetes_validate.validate(document, KUBERNETES, strict=True)
    except kubernetes_validate.SchemaNotFoundError:
        return f"no schema of kind {document['kind']} {document['apiVersion']}"
    except (kubernetes_validate.ValidationError, jsonschema.ValidationError) as error:
        return str(error.message)
    return ""


def reference_faults(documents: list[Document]) -> Iterator[str]:
    there = {(each["kind"], each["metadata"]["name"]) for each in documents}
    keys = {
        (each["kind"], each["metadata"]["name"]): _keys(each)
        for each in documents
        if each["kind"] in ("ConfigMap", "Secret")
    }
    for owner, template in pod_templates(documents):
        for kind, name, key in _references(template["spec"]):
            if (kind, name) not in there:
                yield f"{owner}: {kind} {name} does not exist"
            elif key is not None and key not in keys[kind, name]:
                yield f"{owner}: {kind} {name} has no key {key}"
    for document in documents:
        if document["kind"] == "ServiceMonitor":
            for endpoint in document["spec"]["endpoints"]:
                asked = endpoint.get("authorization", {}).get("credentials")
                if asked and asked["key"] not in keys.get(("Secret", asked["name"]), ()):
                    yield f"{name_of(document)}: Secret {asked['name']} has no key {asked['key']}"


def _keys(document: Document) -> set[str]:
    return {key for field in ("data", "stringData", "binaryData") for key in document.get(field) or {}}


def _references(spec: Document) -> Iterator[tuple[str, str, str | None]]:
    if account := spec.get("serviceAccountName"):
        yield "ServiceAccount", account, None
    for container in containers(spec):
        for source in container.get("envFrom", []):
            yield from _env_from(source)
        for variable in container.get("env", []):
            chosen = variable.get("valueFrom", {})
            for field, kind in (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")):
                if field in chosen:
                    yield kind, chosen[field]["name"], chosen[field]["key"]
    for volume in spec.get("volumes", []):
        yield from _volume(volume)


def _env_from(source: Document) -> Iterator[tuple[str, str, None]]:
    for field, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
        if field in source:
            yield kind, source[field]["name"], None


def _volume(volume: Document) -> Iterator[tuple[str, str, str | None]]:
    if claim := volume.get("persistentVolumeClaim"):
        yield "PersistentVolumeClaim", claim["claimName"], None
    sources = [volume, *volume.get("projected", {}).get("sources", [])]
    for source in sources:
        for field, kind, name in (("configMap", "ConfigMap", "name"), ("secret", "Secret", "secretName")):
            if named := source.get(field):
                yield kind, named.get(name, named.get("name")), None
                yield from ((kind, named.get(name, named.get("name")), each["key"]) for each in named.get("items", []))


def mount_faults(documents: list[Document]) -> Iterator[str]:
    claims = {
        name_of(each): {claim["metadata"]["name"] for claim in each["spec"].get("volumeClaimTemplates", [])}
        for each in documents
        if each["kind"] == "StatefulSet"
    }
    for owner, template in pod_templates(documents):
        volumes = {each["name"] for each in template["spec"].get("volumes", [])} | claims.get(owner, set())
        for container in containers(template["spec"]):
            for mount in container.get("volumeMounts", []):
                if mount["name"] not in volumes:
                    yield f"{owner}: {container['name']} mounts {mount['name']}, which is no volume of the pod"


def selector_faults(documents: list[Document]) -> Iterator[str]:
    pods = [template for _, template in pod_templates(documents)]
    for document in documents:
        if (selector := _selector(document)) and not any(selects(selector, _labels(pod)) for pod in pods):
            yield f"{name_of(document)}: its selector matches no pod"
    for document in documents:
        if document["kind"] == "Service":
            yield from _service_port_faults(document, pods)


def _selector(document: Document) -> Document:
    spec = document.get("spec", {})
    match document["kind"]:
        case "Service":
            return {"matchLabels": spec.get("selector", {})}
        case "NetworkPolicy":
            return dict(spec["podSelector"])
        case "PodDisruptionBudget" | "StatefulSet" | "Deployment":
            return dict(spec["selector"])
    return {}


def selects(selector: Document, labels: Document) -> bool:
    """Return whether a label selector matches these labels; an empty one matches all."""
    exact = all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())
    return exact and all(_expressed(each, labels) for each in selector.get("matchExpressions", []))


def _expressed(expression: Document, labels: Document) -> bool:
    values = expression.get("values", [])
    match expression["operator"]:
        case "In":
            return labels.get(expression["key"]) in values
        case "NotIn":
            return labels.get(expression["key"]) not in values
        case "Exists":
            return expression["key"] in labels
        case _:
            return expression["key"] not in labels


def _service_port_faults(service: Document, pods: list[Document]) -> Iterator[str]:
    chosen = [pod for pod in pods if selects({"matchLabels": service["spec"]["selector"]}, _labels(pod))]
    served = {port["name"] for pod in chosen for each in containers(pod["spec"]) for port in each.get("ports", [])}
    for port in service["spec"]["ports"]:
        if isinstance(port.get("targetPort"), str) and port["targetPort"] not in served:
            yield f"{name_of(service)}: no pod serves the port {port['targetPort']}"


def policy_faults(documents: list[Document]) -> Iterator[str]:
    """Find peers that are no pods, and ports that the pods behind a rule do not serve."""
    pods = [template for _, template in pod_templates(documents)]
    for document in documents:
        if document["kind"] == "NetworkPolicy":
            spec = document["spec"]
            chosen = [pod for pod in pods if selects(spec["podSelector"], _labels(pod))]
            found_faults = [
                fault for rule in spec.get("ingress", []) for fault in _rule_faults(rule, "from", chosen, pods)
            ]
            found_faults += [fault for rule in spec.get("egress", []) for fault in _rule_faults(rule, "to", [], pods)]
            yield from (f"{name_of(document)}: {fault}" for fault in found_faults)


def _rule_faults(rule: Document, side: str, servers: list[Document], pods: list[Document]) -> Iterator[str]:
    """Find the faults of one rule. `servers` are the pods whose ports it opens; of a rule `to`, its peers are."""
    for peer in rule.get(side, []):
        if "podSelector" in peer and "namespaceSelector" not in peer:
            matched = [pod for pod in pods if selects(peer["podSelector"], _labels(pod))]
            if not matched:
                yield f"a peer of {side!r} matches no pod"
            servers = matched if side == "to" else servers
    if servers:
        served = {port["containerPort"] for pod in servers for each in containers(pod["spec"]) for port in _ports(each)}
        yield from (
            f"no pod serves the port {each['port']}" for each in rule.get("ports", []) if each["port"] not in served
        )


def _ports(container: Document) -> list[Document]:
    ports: list[Document] = container.get("ports", [])
    return ports


def probe_faults(documents: list[Document]) -> Iterator[str]:
    for owner, template in pod_templates(documents):
        for container in containers(template["spec"]):
            ports = {port["name"] for port in container.get("ports", [])}
            for kind in ("readinessProbe", "livenessProbe", "startupProbe"):
                yield from (f"{owner}: {kind}: {fault}" for fault in _probe_faults(container.get(kind, {}), ports))


def _probe_faults(probe: Document, ports: set[str]) -> Iterator[str]:
    for asked in (probe.get("httpGet"), probe.get("tcpSocket")):
        if asked and asked["port"] not in ports:
            yield f"no port is named {asked['port']}"
    if (http := probe.get("httpGet")) and http["path"] not in PROBED_PATHS.get(http["port"], set()):
        yield f"{http['path']} is not served on port {http['port']}"
    for port, path in ASKED_BY_SHELL.findall(" ".join(probe.get("exec", {}).get("command", []))):
        if path not in PROBED_BY_SHELL.get(int(port), set()):
            yield f"{path} is not served on port {port}"


def container_faults(documents: list[Document]) -> Iterator[str]:
    for owner, template in pod_templates(documents):
        user = template["spec"].get("securityContext", {})
        for container in containers(template["spec"]):
            context, where = user | container.get("securityContext", {}), f"{owner}: {container['name']}"
            image, _, tag = container["image"].rpartition(":")
            checks: tuple[tuple[bool, str], ...] = (
                (bool(image) and "/" not in tag and tag != "latest", "its image has no fixed tag"),
                (context.get("runAsNonRoot") is True, "it may run as root"),
                (context.get("readOnlyRootFilesystem") is True, "its root file system is writable"),
                (context.get("allowPrivilegeEscalation") is False, "it may gain privileges"),
                (set(container.get("resources", {})) >= {"requests", "limits"}, "its resources are not bounded"),
            )
            yield from (f"{where}: {fault}" for holds, fault in checks if not holds)


def monitor_faults(documents: list[Document]) -> Iterator[str]:
    services = [each for each in documents if each["kind"] == "Service"]
    for document in documents:
        if document["kind"] == "ServiceMonitor":
            chosen = [each for each in services if selects(document["spec"]["selector"], each["metadata"]["labels"])]
            if not chosen:
                yield f"{name_of(document)}: its selector matches no Service"
            served = {port["name"] for each in chosen for port in each["spec"]["ports"]}
            for endpoint in document["spec"]["endpoints"]:
                if chosen and endpoint["port"] not in served:
                    yield f"{name_of(document)}: no Service has a port named {endpoint['port']}"


def pod_templates(documents: list[Document]) -> Iterator[tuple[str, Document]]:
    """Yield every template of pods with the name of its owner."""
    for document in documents:
        if document["kind"] in ("Deployment", "StatefulSet", "DaemonSet", "Job"):
            yield name_of(document), document["spec"]["template"]
        elif document["kind"] == "RayService":
            cluster = document["spec"]["rayClusterConfig"]
            yield f"{name_of(document)}/head", cluster["headGroupSpec"]["template"]
            for group in cluster.get("workerGroupSpecs", []):
                yield f"{name_of(document)}/{group.get('groupName')}", group["template"]


def containers(spec: Document) -> list[Document]:
    return [*spec.get("initContainers", []), *spec["containers"]]


def name_of(document: Document) -> str:
    return f"{document['kind']}/{document['metadata']['name']}"


def found(documents: list[Document], kind: str, name: str | None = None) -> Document:
    """Return the object of this kind and name."""
    return next(
        each for each in documents if each["kind"] == kind and (name is None or each["metadata"]["name"] == name)
    )


def _labels(pod: Document) -> Document:
    labels: Document = pod.get("metadata", {}).get("labels", {})
    return labels


Mutation = Callable[[list[Document]], None]

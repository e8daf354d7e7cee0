"""From specs to complete Kubernetes objects, with the rules that hold for every pod (contracts 0.2).

Pure functions: the same specs give the same objects, byte for byte, and no secret value is in them.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

import yaml

from ansible_collections.homelab.ai_workspace.plugins.module_utils.errors import PlanError
from ansible_collections.homelab.ai_workspace.plugins.module_utils.plan import (
    DATA_ANNOTATION,
    HASH_KEY,
    MANAGER,
    PART_OF,
    Component,
    Plan,
    Shape,
    references,
)
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.images import mirrored
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.policies import network_policy, served
from ansible_collections.homelab.ai_workspace.plugins.plugin_utils.spec import one_writer

Object = dict[str, Any]
NAMESPACE = "namespace"
"""Name of the component that holds the namespace; everything else comes after it."""


def render(draft: Mapping[str, Any], shapes: Mapping[str, Shape]) -> Plan:
    """Return the plan of a draft.

    Args:
        draft: what ``validate`` opened and ``component`` filled: ``run``, ``complete``, ``settings``,
            ``endpoints`` and ``components`` (specs by name).
        shapes: shapes of all secrets that can be generated.

    Raises:
        PlanError: an unknown need, a cycle, an override that matches nothing.
    """
    specs = draft["components"]
    needs = {name: _needs(spec, draft) for name, spec in specs.items()}
    matched: dict[str, set[int]] = defaultdict(set)
    components = [Component(NAMESPACE, "workspace", objects=(_namespace(draft["settings"]),), timeout=30)]
    for name, spec in specs.items():
        objects = [_without_nulls(item) for item in _Renderer(spec, draft, needs).objects()]
        matched[spec["service_name"]] |= _override(objects, spec["overrides"])
        components.append(
            Component(
                name=name,
                service=spec["service_name"],
                needs=(NAMESPACE, *needs[name][0]),
                objects=tuple(objects),
                timeout=spec["timeout"],
            )
        )
    _refuse_unmatched(specs.values(), matched)
    used = references([component.objects for component in components]) | {HASH_KEY}
    return Plan(
        namespace=draft["settings"]["namespace"],
        components=tuple(components),
        shapes={name: shape for name, shape in sorted(shapes.items()) if name in used},
        complete=draft["complete"],
        run=draft["run"],
    )


def _needs(spec: Mapping[str, Any], draft: Mapping[str, Any]) -> tuple[tuple[str, ...], list[tuple[str, int]]]:
    """Return the components that a spec needs, and the addresses of the external endpoints that it needs.

    A need is the name of a component or of an endpoint.
    """
    components: list[str] = []
    outside: list[tuple[str, int]] = []
    for need in spec["needs"]:
        endpoint = draft["endpoints"].get(need, {})
        if endpoint.get("external"):
            outside += [(host, port) for host, port in endpoint["addresses"]]
        else:
            components.append(endpoint.get("component", need))
    return tuple(components), outside


def _namespace(settings: Mapping[str, Any]) -> Object:
    labels = {f"pod-security.kubernetes.io/{mode}": settings["pod_security"] for mode in ("enforce", "warn")}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": settings["namespace"],
            "labels": {"app.kubernetes.io/managed-by": MANAGER, "app.kubernetes.io/part-of": PART_OF, **labels},
            "annotations": {DATA_ANNOTATION: "true"},
        },
    }


def labels(spec: Mapping[str, Any]) -> dict[str, str]:
    """Return the labels that select the pods of a component; they never change."""
    return {"app.kubernetes.io/name": spec["name"], "app.kubernetes.io/part-of": PART_OF}


class _Renderer:
    """Renders one spec; a method a kind."""

    def __init__(self, spec: Mapping[str, Any], draft: Mapping[str, Any], needs: Mapping[str, Any]) -> None:
        self.spec = spec
        self.name: str = spec["name"]
        self.draft = draft
        self.settings = draft["settings"]
        self.needs = needs
        env = {**spec["env"], **spec["secret_env"], **spec["extra_env"]}
        self.secret_env = {name: value for name, value in env.items() if references(value)}
        self.env = {name: value for name, value in env.items() if name not in self.secret_env}
        self.files = {path: _text(content) for path, content in spec["files"].items()}

    def objects(self) -> Iterator[Object]:
        """Yield the objects in the order in which they are applied."""
        if self.settings["network_policies"]:
            yield self.policy()
        for secret in (False, True):
            if files := {path: text for path, text in self.files.items() if bool(references(text)) == secret}:
                yield self.keys("Secret" if secret else "ConfigMap", f"{self.name}-files", _keyed(files))
        if self.secret_env:
            yield self.keys("Secret", self.name, self.secret_env)
        yield from self.claims()
        if self.spec["ports"]:
            yield self.service()
        yield self.workload()
        if self.spec["replicas"] > 1 or self.scaled:
            yield self.disruption_budget()
        if self.scaled:
            yield self.autoscaler()
        if self.spec["ingress"].get("enabled"):
            yield self.ingress()
        if "metrics" in self.spec and self.settings["monitoring"]:
            yield self.monitor()

    @property
    def scaled(self) -> bool:
        """Whether an autoscaler owns the number of pods."""
        return bool(self.spec["autoscaling"].get("enabled"))

    def meta(self, name: str | None = None, **annotations: str) -> Object:
        """Return the metadata of an object of this component."""
        own = {"app.kubernetes.io/component": self.spec["service_name"], "app.kubernetes.io/managed-by": MANAGER}
        meta: Object = {"name": name or self.name, "namespace": self.settings["namespace"]}
        meta["labels"] = {**labels(self.spec), **own}
        return {**meta, "annotations": annotations} if annotations else meta

    def keys(self, kind: str, name: str, data: Mapping[str, str]) -> Object:
        """Return a ConfigMap or a Secret."""
        field = "stringData" if kind == "Secret" else "data"
        return {"apiVersion": "v1", "kind": kind, "metadata": self.meta(name), field: dict(sorted(data.items()))}

    def policy(self) -> Object:
        """Return the NetworkPolicy that the edges of the graph amount to."""
        specs = self.draft["components"]
        needed, outside = self.needs[self.name]
        return network_policy(
            self.spec,
            meta=self.meta(),
            selector=labels(self.spec),
            callers=[labels(specs[name]) for name, (needs, _) in self.needs.items() if self.name in needs],
            servers=[(labels(specs[name]), served(specs[name])) for name in needed if name in specs],
            outside=outside,
        )

    def claims(self) -> Iterator[Object]:
        """Yield a PersistentVolumeClaim for each volume; a claim can grow, which a template of one cannot."""
        for name, volume in self.spec["volumes"].items():
            yield {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": self.meta(f"{self.name}-{name}", **{DATA_ANNOTATION: "true"}),
                "spec": {
                    "accessModes": volume["access_modes"],
                    "storageClassName": volume.get("storage_class") or self.settings.get("storage_class"),
                    "resources": {"requests": {"storage": volume["size"]}},
                },
            }

    def service(self) -> Object:
        """Return the Service."""
        wanted = self.spec["service"]
        ports = [{"name": name, "port": port, "targetPort": name} for name, port in self.spec["ports"].items()]
        if wanted.get("node_port"):
            ports[0]["nodePort"] = wanted["node_port"]
        return {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": self.meta(),
            "spec": {"type": wanted.get("type", "ClusterIP"), "selector": labels(self.spec), "ports": ports},
        }

    def workload(self) -> Object:
        """Return the Deployment or StatefulSet."""
        spec: Object = {
            "replicas": None if self.scaled else self.spec["replicas"],
            "selector": {"matchLabels": labels(self.spec)},
            "template": {"metadata": {"labels": self.meta()["labels"]}, "spec": self.pod()},
        }
        if self.spec["kind"] == "StatefulSet":
            # OrderedReady never replaces a broken pod by the corrected template.
            spec |= {"serviceName": self.name, "podManagementPolicy": "Parallel"}
        elif any(one_writer(volume) for volume in self.spec["volumes"].values()):
            spec["strategy"] = {"type": "Recreate"}
        return {"apiVersion": "apps/v1", "kind": self.spec["kind"], "metadata": self.meta(), "spec": spec}

    def pod(self) -> Object:
        """Return the pod's spec: restricted, without service links and without a token."""
        spec, ids = self.spec, {"runAsUser": self.spec["user"], "runAsGroup": self.spec["group"]}
        volumes, mounts = self.mounts()
        return {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": spec["grace_seconds"],
            "securityContext": {
                "runAsNonRoot": True,
                **ids,
                "fsGroup": spec["group"],
                "fsGroupChangePolicy": "OnRootMismatch",
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "imagePullSecrets": [{"name": name} for name in self.settings["image_pull_secrets"]] or None,
            "nodeSelector": spec["node_selector"] or None,
            "tolerations": spec["tolerations"] or None,
            "containers": [
                {
                    "name": self.name,
                    "image": mirrored(spec["image"], self.settings.get("image_registry")),
                    "imagePullPolicy": "IfNotPresent",
                    "command": [_escaped(item) for item in spec.get("command", [])] or None,
                    "args": [_escaped(item) for item in spec.get("args", [])] or None,
                    "ports": [{"name": name, "containerPort": port} for name, port in spec["ports"].items()] or None,
                    "env": self.environment() or None,
                    "resources": spec["resources"] or None,
                    **self.probes(),
                    "lifecycle": {"preStop": {"exec": {"command": spec["pre_stop"]}}} if "pre_stop" in spec else None,
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "capabilities": {"drop": ["ALL"]},
                        "readOnlyRootFilesystem": True,
                    },
                    "volumeMounts": mounts or None,
                }
            ],
            "volumes": volumes or None,
        }

    def environment(self) -> list[Object]:
        """Return the environment; what holds a secret comes from the Secret."""
        plain: dict[str, Object] = {name: {"value": _escaped(value)} for name, value in self.env.items()}
        secret = {name: {"valueFrom": {"secretKeyRef": {"name": self.name, "key": name}}} for name in self.secret_env}
        return [{"name": name, **entry} for name, entry in sorted({**plain, **secret}.items())]

    def probes(self) -> Object:
        """Return the probes; starting is watched closely, so that a rollout does not wait for a period to pass."""
        ready = _probe(self.spec["ready"])
        live = _probe(self.spec["live"]) if "live" in self.spec else None
        start = dict(live or ready)
        start["periodSeconds"] = 2 if "exec" in start else 1
        start["failureThreshold"] = math.ceil(self.spec["start_seconds"] / start["periodSeconds"])
        return {"startupProbe": start, "readinessProbe": ready, "livenessProbe": live}

    def mounts(self) -> tuple[list[Object], list[Object]]:
        """Return the pod's volumes and the container's mounts."""
        volumes: list[Object] = []
        mounts: list[Object] = []
        for name, volume in self.spec["volumes"].items():
            volumes.append({"name": name, "persistentVolumeClaim": {"claimName": f"{self.name}-{name}"}})
            for path, sub_path in (volume.get("mounts") or {volume.get("mount"): None}).items():
                mounts.append({"name": name, "mountPath": path, "subPath": sub_path})
        for path, settings in self.spec["empty_dirs"].items():
            name = _volume_name(path)
            limits = {"medium": settings.get("medium"), "sizeLimit": settings.get("size_limit")}
            volumes.append({"name": name, "emptyDir": limits})
            mounts.append({"name": name, "mountPath": path})
        for folder in sorted({str(PurePosixPath(path).parent) for path in self.files}):
            paths = [path for path in sorted(self.files) if str(PurePosixPath(path).parent) == folder]
            sources = []
            for kind, named in (("configMap", False), ("secret", True)):
                items = [
                    {"key": _key(path), "path": PurePosixPath(path).name}
                    for path in paths
                    if bool(references(self.files[path])) == named
                ]
                if items:
                    sources.append({kind: {"name": f"{self.name}-files", "items": items}})
            volumes.append({"name": _volume_name(folder), "projected": {"sources": sources}})
            mounts.append({"name": _volume_name(folder), "mountPath": folder, "readOnly": True})
        return volumes, mounts

    def disruption_budget(self) -> Object:
        """Return the PodDisruptionBudget: a drain takes one pod at a time."""
        return {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": self.meta(),
            "spec": {"maxUnavailable": 1, "selector": {"matchLabels": labels(self.spec)}},
        }

    def autoscaler(self) -> Object:
        """Return the HorizontalPodAutoscaler."""
        wanted = self.spec["autoscaling"]
        target = {"type": "Utilization", "averageUtilization": wanted.get("cpu", 80)}
        return {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": self.meta(),
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": self.spec["kind"], "name": self.name},
                "minReplicas": wanted.get("min", 1),
                "maxReplicas": wanted.get("max", 3),
                "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
            },
        }

    def ingress(self) -> Object:
        """Return the Ingress, to the port called http."""
        wanted = self.spec["ingress"]
        tls = wanted.get("tls") or {}
        backend = {"service": {"name": self.name, "port": {"name": "http"}}}
        path = {"path": "/", "pathType": "Prefix", "backend": backend}
        certificate = {"hosts": [wanted["host"]], "secretName": tls.get("secret_name") or f"{self.name}-tls"}
        return {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": self.meta(**(wanted.get("annotations") or {})),
            "spec": {
                "ingressClassName": wanted.get("class_name"),
                "rules": [{"host": wanted["host"], "http": {"paths": [path]}}],
                "tls": [certificate] if tls.get("enabled") else None,
            },
        }

    def monitor(self) -> Object:
        """Return the ServiceMonitor of Prometheus' operator."""
        wanted = self.spec["metrics"]
        endpoint: Object = {"port": wanted["port"], "path": wanted["path"]}
        if "secret_env" in wanted:
            endpoint["authorization"] = {"credentials": {"name": self.name, "key": wanted["secret_env"]}}
        return {
            "apiVersion": "monitoring.coreos.com/v1",
            "kind": "ServiceMonitor",
            "metadata": self.meta(),
            "spec": {"selector": {"matchLabels": labels(self.spec)}, "endpoints": [endpoint]},
        }


def _probe(spec: Mapping[str, Any]) -> Object:
    handlers: dict[str, Callable[[Any], Object]] = {
        "http": lambda http: {"httpGet": {"port": http["port"], "path": http["path"]}},
        "tcp": lambda port: {"tcpSocket": {"port": port}},
        "exec": lambda command: {"exec": {"command": command}},
    }
    handler = next(build(spec[key]) for key, build in handlers.items() if key in spec)
    return {
        **handler,
        "periodSeconds": spec["period"],
        "timeoutSeconds": spec["timeout"],
        "failureThreshold": spec["failures"],
    }


def _escaped(value: str) -> str:
    """Return ``value`` so that Kubernetes' expansion gives it back: it makes ``$`` of ``$$`` and expands ``$(X)``."""
    return value.replace("$", "$$")


def _key(path: str) -> str:
    return path.strip("/").replace("/", "_")


def _keyed(files: Mapping[str, str]) -> dict[str, str]:
    return {_key(path): text for path, text in files.items()}


def _volume_name(path: str) -> str:
    return path.strip("/").lower().replace("/", "-").replace("_", "-").replace(".", "")[-60:].strip("-")


class _Quoting(yaml.SafeDumper):
    """Writes every string in quotes: readers of YAML 1.1 and 1.2 differ in what else a word may be."""


def _quoted(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if text.isalpha() else '"')


_Quoting.add_representer(str, _quoted)


def _text(content: Any) -> str:
    """Return the content of a file: text as it is, anything else as YAML."""
    if isinstance(content, str):
        return content
    return yaml.dump(content, Dumper=_Quoting, sort_keys=False, width=1000, allow_unicode=True)


def _without_nulls(value: Any) -> Any:
    """Return ``value`` without the keys that are null, and with lists in place of tuples."""
    if isinstance(value, Mapping):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return [_without_nulls(item) for item in value]
    return value


def _override(objects: list[Object], overrides: list[Mapping[str, Any]]) -> set[int]:
    """Merge the user's patches into the objects that they name; return the indexes of those that named one."""
    matched = set()
    for index, override in enumerate(overrides):
        for item in objects:
            name = item["metadata"]["name"]
            if item["kind"] == override["kind"] and override.get("name", name) == name:
                _merge(item, override["patch"])
                matched.add(index)
    return matched


def _refuse_unmatched(specs: Iterable[Mapping[str, Any]], matched: Mapping[str, set[int]]) -> None:
    """Refuse a patch that matches no object of its role, as it would silently do nothing."""
    for spec in specs:
        for index, override in enumerate(spec["overrides"]):
            if index not in matched[spec["service_name"]]:
                named = " ".join(filter(None, (override["kind"], override.get("name"))))
                raise PlanError(
                    f"{spec['service_name']}_overrides[{index}] names {named}, which the role does not make"
                )


def _merge(target: Object, patch: Mapping[str, Any]) -> None:
    for key, value in patch.items():
        if isinstance(value, Mapping) and isinstance(target.get(key), dict):
            _merge(target[key], value)
        elif value is None:
            target.pop(key, None)
        else:
            target[key] = value

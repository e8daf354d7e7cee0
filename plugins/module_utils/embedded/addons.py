"""What the cluster runs in itself: CoreDNS, the default StorageClass, the administrator's right."""

from __future__ import annotations

from typing import Any

from ansible_collections.homelab.ai_workspace.plugins.module_utils.embedded.network import Block
from ansible_collections.homelab.ai_workspace.plugins.module_utils.embedded.node import DOMAIN

SYSTEM = "kube-system"
COREDNS = {"k8s-app": "kube-dns"}
RBAC = "rbac.authorization.k8s.io"

COREFILE = f"""{DOMAIN}:53 in-addr.arpa:53 ip6.arpa:53 {{
    errors
    ready
    prometheus :9153
    kubernetes {DOMAIN} in-addr.arpa ip6.arpa {{
        pods insecure
        ttl 5
    }}
    loadbalance
}}
.:53 {{
    errors
    template ANY ANY {{
        rcode NXDOMAIN
    }}
}}
"""
"""No forward: nothing outside can be asked. The catch-all needs a block of its own."""


def objects(block: Block, image: str) -> dict[str, Any]:
    """Return a List of all objects that the cluster starts with."""
    items = [*_administrator(), *_dns_rights(), *_dns(block, image), *_storage()]
    return {"apiVersion": "v1", "kind": "List", "items": items}


def _object(kind: str, name: str, *, api: str = "v1", namespace: str = SYSTEM, **fields: Any) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name} | ({"namespace": namespace} if namespace else {})
    metadata |= fields.pop("metadata", {})
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **fields}


def _bind(name: str, role: str, subject: dict[str, str]) -> dict[str, Any]:
    reference = {"apiGroup": RBAC, "kind": "ClusterRole", "name": role}
    return _object("ClusterRoleBinding", name, api=f"{RBAC}/v1", namespace="", roleRef=reference, subjects=[subject])


def _administrator() -> list[dict[str, Any]]:
    """Return the right that the user's kubeconfig stands for (kubeadm's own name)."""
    group = {"apiGroup": RBAC, "kind": "Group", "name": "kubeadm:cluster-admins"}
    return [_bind("kubeadm:cluster-admins", "cluster-admin", group)]


def _dns_rights() -> list[dict[str, Any]]:
    watch = ["list", "watch"]
    rules = [
        {"apiGroups": [""], "resources": ["endpoints", "services", "pods", "namespaces"], "verbs": watch},
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": watch},
    ]
    name = "system:coredns"
    return [
        _object("ServiceAccount", "coredns"),
        _object("ClusterRole", name, api=f"{RBAC}/v1", namespace="", rules=rules),
        _bind(name, name, {"kind": "ServiceAccount", "name": "coredns", "namespace": SYSTEM}),
    ]


def _dns(block: Block, image: str) -> list[dict[str, Any]]:
    ports = [
        {"name": "dns", "port": 53, "protocol": "UDP"},
        {"name": "dns-tcp", "port": 53, "protocol": "TCP"},
        {"name": "metrics", "port": 9153, "protocol": "TCP"},
    ]
    container = {
        "name": "coredns",
        "image": image,
        "imagePullPolicy": "Never",
        "command": ["/coredns", "-conf", "/etc/coredns/Corefile"],
        "resources": {"requests": {"cpu": "20m", "memory": "32Mi"}, "limits": {"memory": "170Mi"}},
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8181}, "periodSeconds": 2},
        "volumeMounts": [{"name": "config", "mountPath": "/etc/coredns", "readOnly": True}],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
    }
    pod = {
        "serviceAccountName": "coredns",
        "priorityClassName": "system-cluster-critical",
        "dnsPolicy": "Default",
        "containers": [container],
        "volumes": [{"name": "config", "configMap": {"name": "coredns"}}],
    }
    template = {"metadata": {"labels": COREDNS}, "spec": pod}
    deployment = {"replicas": 1, "selector": {"matchLabels": COREDNS}, "template": template}
    labels = {"labels": COREDNS}
    return [
        _object("ConfigMap", "coredns", data={"Corefile": COREFILE}),
        _object("Deployment", "coredns", api="apps/v1", metadata=labels, spec=deployment),
        _object(
            "Service",
            "kube-dns",
            metadata=labels,
            spec={"clusterIP": str(block.dns), "selector": COREDNS, "ports": ports},
        ),
    ]


def _storage() -> list[dict[str, Any]]:
    """Return the default StorageClass; volumes are of type local, so that fsGroup is honoured."""
    annotations = {"storageclass.kubernetes.io/is-default-class": "true", "defaultVolumeType": "local"}
    scripts = {"setup": 'mkdir -m 0777 -p "$VOL_DIR"\n', "teardown": 'rm -rf "$VOL_DIR"\n'}
    return [
        _object("ConfigMap", "local-path-config", data=scripts),
        _object(
            "StorageClass",
            "local-path",
            api="storage.k8s.io/v1",
            namespace="",
            metadata={"annotations": annotations},
            provisioner="rancher.io/local-path",
            reclaimPolicy="Delete",
            volumeBindingMode="WaitForFirstConsumer",
        ),
    ]

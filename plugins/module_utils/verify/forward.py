"""Pods of a workspace, reached through the Kubernetes API: no ingress, node address or network policy matters."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.homelab.ai_workspace.plugins.module_utils.client import Cluster
from ansible_collections.homelab.ai_workspace.plugins.module_utils.errors import ClusterError
from ansible_collections.homelab.ai_workspace.plugins.module_utils.kinds import KINDS
from ansible_collections.homelab.ai_workspace.plugins.module_utils.verify.http import CheckFailed, Http

Pod = Mapping[str, Any]
_POD = KINDS["v1", "Pod"]


def component_of(pod: Pod) -> str:
    """Return the name of the component that a pod belongs to."""
    return str(pod["metadata"]["labels"].get("app.kubernetes.io/name", ""))


def is_ready(pod: Pod) -> bool:
    """Tell whether a pod is Ready and not on its way out."""
    conditions = pod.get("status", {}).get("conditions") or []
    ready = any(entry["type"] == "Ready" and entry["status"] == "True" for entry in conditions)
    return ready and not pod["metadata"].get("deletionTimestamp")


class _ForwardedConnection(http.client.HTTPConnection):
    """HTTP over a stream that somebody else opens."""

    def __init__(self, name: str, timeout: float, open_stream: Callable[[], Any]) -> None:
        super().__init__(name, timeout=timeout)
        self._open_stream = open_stream

    def connect(self) -> None:
        """Open the stream."""
        try:
            self.sock = self._open_stream()
        except ClusterError as error:
            raise ConnectionError(str(error)) from error
        self.sock.settimeout(self.timeout)


@dataclass(frozen=True)
class Pods:
    """The pods of one workspace."""

    cluster: Cluster
    namespace: str
    clock: Callable[[], float] = time.monotonic

    def all(self) -> list[dict[str, Any]]:
        """Return the pods that are meant to stay, in the order of their names."""
        pods = self.cluster.list(_POD, self.namespace)
        lasting = (pod for pod in pods if pod.get("status", {}).get("phase") not in ("Succeeded", "Failed"))
        return sorted(lasting, key=lambda pod: str(pod["metadata"]["name"]))

    def ready(self, component: str) -> str:
        """Return the name of a Ready pod.

        Raises:
            CheckFailed: there is none.
        """
        for pod in self.all():
            if component_of(pod) == component and is_ready(pod):
                return str(pod["metadata"]["name"])
        raise CheckFailed(
            f"no pod of {component} is Ready in {self.namespace}: roll it out with `ansible-playbook site.yml`, "
            f"or see `kubectl -n {self.namespace} get pods`"
        )

    def http(self, component: str, port: int) -> Http:
        """Return HTTP to whichever pod of a component is Ready then."""

        def connect(timeout: float) -> http.client.HTTPConnection:
            pod = self.ready(component)
            return _ForwardedConnection(component, timeout, lambda: self.cluster.forward(self.namespace, pod, port))

        return Http(component, connect)

    def replace(self, pod: Pod, timeout: float = 300) -> float:
        """Delete a pod, wait until it is gone and as many pods are Ready as before; return the seconds.

        Raises:
            CheckFailed: that does not happen in time.
        """
        name, uid, component = pod["metadata"]["name"], pod["metadata"]["uid"], component_of(pod)
        wanted = self._count(component)
        start = self.clock()
        self.cluster.request("DELETE", _POD.path(self.namespace, name))
        while self.clock() - start < timeout:
            self.cluster.sleep(0.5)
            gone = all(other["metadata"]["uid"] != uid for other in self.all())
            if gone and self._count(component) >= wanted:
                return self.clock() - start
        raise CheckFailed(
            f"no new pod of {component} was Ready {timeout:.0f} s after {name} was deleted: "
            f"see `kubectl -n {self.namespace} get pods` and `kubectl -n {self.namespace} get events`"
        )

    def _count(self, component: str) -> int:
        return sum(is_ready(pod) for pod in self.all() if component_of(pod) == component)

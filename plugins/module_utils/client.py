"""The one way to the cluster: authenticated HTTP over one pool, REST paths, errors as sentences.

Nothing else of the collection imports ``kubernetes.core`` or ``kubernetes``: a break there has one address.
"""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlencode

from ansible_collections.homelab.ai_workspace.plugins.module_utils.errors import ClusterError
from ansible_collections.homelab.ai_workspace.plugins.module_utils.kinds import KINDS, OURS, Kind

try:
    import kubernetes
    import kubernetes.stream
    import urllib3
    import yaml
    from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC
    from ansible_collections.kubernetes.core.plugins.module_utils.k8s.client import (
        _create_auth_spec,
        _create_configuration,
        _create_headers,
        _set_header,
    )

    AUTH_OPTIONS: dict[str, Any] = dict(AUTH_ARG_SPEC)
    MISSING = ""
except ImportError as error:  # reported by connect(), as a sentence
    AUTH_OPTIONS = {"kubeconfig": {}, "context": {}}
    MISSING = str(error)

Object = Mapping[str, Any]

_PAUSES = (0.1, 0.2, 0.4, 0.8, 1.6)
_RETRIED = (429, 500, 502, 503, 504)


class ApiError(ClusterError):
    """The API server answered with an error.

    Attributes:
        status: the HTTP status.
        causes: the ``details.causes`` of the answer.
    """

    def __init__(self, status: int, message: str, causes: Iterable[Mapping[str, str]] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.causes = list(causes)


class Unreachable(ClusterError):
    """No answer came: refused, timed out, a broken connection, a certificate that does not fit."""


class Response(Protocol):
    """The part of urllib3's response that is used here."""

    status: int
    data: bytes
    headers: Mapping[str, str]

    def __iter__(self) -> Iterator[bytes]:
        """Yield the lines of a body that is still coming."""

    def close(self) -> None:
        """Drop the connection."""


class Pool(Protocol):
    """The part of urllib3's pool manager that is used here."""

    def request(self, method: str, url: str, **options: Any) -> Response:
        """Send one request."""


@dataclass
class Cluster:
    """One cluster, reached with one identity.

    Args:
        pool: keeps connections alive.
        host: URL of the API server.
        headers: returns the headers that authenticate, fresh each time (tokens expire).
        source: how the user told us where the cluster is, for messages.
        dry_run: True in check mode; every write then asks the server not to persist it.
        sleep: waits between two attempts.
        configuration: kubernetes' own, for what goes through a websocket.
    """

    pool: Pool
    host: str
    headers: Callable[[], Mapping[str, str]]
    source: str
    dry_run: bool = False
    sleep: Callable[[float], None] = time.sleep
    kinds: dict[tuple[str, str], Kind] = field(default_factory=lambda: dict(KINDS))
    configuration: Any = None

    def request(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: Mapping[str, str] | None = None,
        content: str = "application/json",
        timeout: float = 30,
        patient: bool = True,
    ) -> dict[str, Any]:
        """Send a request and return the JSON answer; busy servers and broken connections are tried again.

        Args:
            method: HTTP method.
            path: REST path.
            body: sent as JSON.
            query: parameters; ``dryRun`` is added to writes in check mode.
            content: media type of the body.
            timeout: seconds without an answer.
            patient: False asks once only.

        Raises:
            ApiError: the server refused.
            Unreachable: no answer after all attempts.
            ClusterError: the answer is not JSON.
        """
        answer = self._ask(method, path, body, query or {}, content, timeout, patient=patient)
        try:
            return dict(json.loads(answer.data))
        except ValueError as error:
            raise ClusterError(
                f"{self.host} does not answer as a Kubernetes API server does: is {self.source} right?"
            ) from error

    def text(self, path: str, query: Mapping[str, str], timeout: float = 5) -> str:
        """Return an answer that is not JSON, such as a pod's log; asks once."""
        answer = self._ask("GET", path, None, query, "application/json", timeout, patient=False)
        return answer.data.decode("utf-8", "replace")

    def find(self, path: str, **options: Any) -> dict[str, Any] | None:
        """Return an object, or None when there is none."""
        try:
            return self.request("GET", path, **options)
        except ApiError as error:
            if error.status == 404:  # noqa: PLR2004 - HTTP
                return None
            raise

    def list(self, kind: Kind, namespace: str, selector: str = OURS) -> list[dict[str, Any]]:
        """Return the objects of one kind, each with its kind and API version (lists leave them out)."""
        query = {"labelSelector": selector} if selector else {}
        answer = self.request("GET", kind.path(namespace), query=query)
        return [{**item, "apiVersion": kind.api_version, "kind": kind.name} for item in answer["items"]]

    def watch(self, path: str, query: Mapping[str, str], version: str) -> Iterator[dict[str, Any]]:
        """Yield watch events from ``version`` on, until the server ends the watch (within a minute).

        Raises:
            ApiError: the server refused, 410 when ``version`` is too old.
            Unreachable: the connection broke.
        """
        parameters = {**query, "watch": "1", "resourceVersion": version, "timeoutSeconds": "50"}
        url = f"{self.host}{path}?{urlencode(parameters)}"
        try:
            answer = self.pool.request(
                "GET",
                url,
                headers=dict(self.headers()),
                preload_content=False,
                retries=False,
                timeout=urllib3.Timeout(connect=5, read=60),
            )
            try:
                if answer.status >= 400:  # noqa: PLR2004 - HTTP
                    raise ApiError(answer.status, f"watch of {path} refused")
                for line in answer:
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        raise ApiError(event["object"].get("code", 500), event["object"].get("message", ""))
                    yield event
            finally:
                answer.close()
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise Unreachable(self._unreachable(error)) from error

    def forward(self, namespace: str, pod: str, port: int) -> socket.socket:
        """Return a connection to a port of a pod, through the API server.

        Raises:
            ClusterError: the pod is gone, or the user may not `get` and `create` pods/portforward.
        """
        with _stream_errors(f"pod {pod} cannot be reached through the API server"):
            core = kubernetes.client.CoreV1Api(kubernetes.client.ApiClient(self.configuration))
            connect_to = core.connect_get_namespaced_pod_portforward
            tunnel = kubernetes.stream.portforward(connect_to, pod, namespace, ports=str(port))
        connection: socket.socket = tunnel.socket(port)
        return connection

    def execute(
        self, namespace: str, pod: str, command: Sequence[str], stdin: str, timeout: float = 60
    ) -> tuple[int, str]:
        """Run a command in a pod; return its exit code and the text that it wrote.

        Raises:
            ClusterError: the pod is gone, the command does not end in time, or the user may not use pods/exec.
        """
        options = {"stdin": True, "stdout": True, "stderr": True, "tty": False, "_preload_content": False}
        with _stream_errors(f"nothing can be run in pod {pod}"):
            core = kubernetes.client.CoreV1Api(kubernetes.client.ApiClient(self.configuration))
            start = core.connect_get_namespaced_pod_exec
            process = kubernetes.stream.stream(start, pod, namespace, command=list(command), **options)
        try:
            process.write_stdin(stdin)
            process.run_forever(timeout=timeout)
            if process.is_open():
                raise ClusterError(f"`{' '.join(command[:3])}` in pod {pod} did not end within {timeout:.0f} s")
            # In this order: read_all() forgets every channel.
            status = yaml.safe_load(process.read_channel(kubernetes.stream.ws_client.ERROR_CHANNEL)) or {}
            text = str(process.read_all())
        finally:
            process.close()
        causes = (status.get("details") or {}).get("causes") or []
        codes = [int(cause["message"]) for cause in causes if cause.get("reason") == "ExitCode"]
        if status.get("status") != "Success" and not codes:
            why = str(status.get("message", "the connection broke")).rpartition("process: ")[2]
            raise ClusterError(f"`{' '.join(command[:3])}` cannot be run in pod {pod}: {why}")
        return (codes[0] if codes else 0), text

    def kind_of(self, item: Object) -> Kind:
        """Return where an object's kind is served, asking the API once for each group that is not built in.

        Raises:
            ApiError: 404, the cluster does not know the kind.
        """
        key = (item["apiVersion"], item["kind"])
        if key not in self.kinds:
            served = self.find(f"/apis/{key[0]}") or {"resources": []}
            for entry in served["resources"]:
                if "/" not in entry["name"]:
                    found = Kind(key[0], entry["kind"], entry["name"], entry["namespaced"])
                    self.kinds.setdefault((key[0], entry["kind"]), found)
        if key not in self.kinds:
            raise ApiError(404, f"the cluster does not know the kind {key[1]} of {key[0]}")
        return self.kinds[key]

    def _ask(
        self,
        method: str,
        path: str,
        body: Any,
        query: Mapping[str, str],
        content: str,
        timeout: float,
        *,
        patient: bool,
    ) -> Response:
        if self.dry_run and method != "GET" and "accessreviews" not in path and "rulesreviews" not in path:
            query = {**query, "dryRun": "All"}
        url = f"{self.host}{path}" + (f"?{urlencode(query)}" if query else "")
        data = None if body is None else json.dumps(body).encode()
        failure: ClusterError = ClusterError("")
        for pause in (*_PAUSES, None) if patient else (None,):
            wait = pause
            try:
                answer = self.pool.request(
                    method,
                    url,
                    body=data,
                    headers={**self.headers(), "Content-Type": content, "Accept": "application/json, */*"},
                    retries=False,
                    timeout=urllib3.Timeout(connect=5, read=timeout),
                )
            except (urllib3.exceptions.HTTPError, OSError) as error:
                failure = Unreachable(self._unreachable(error))
            else:
                if answer.status < 400:  # noqa: PLR2004 - HTTP
                    return answer
                failure = _refusal(answer)
                if answer.status not in _RETRIED:
                    raise failure
                if pause and answer.headers.get("Retry-After", "").isdigit():
                    wait = max(pause, min(5.0, float(answer.headers["Retry-After"])))
            if wait is not None:
                self.sleep(wait)
        raise failure

    def _unreachable(self, error: Exception) -> str:
        reason = getattr(error, "reason", None) or error
        text = str(reason)
        if isinstance(reason, ssl.SSLError) or "SSL" in type(reason).__name__:
            why = f"its certificate is not the one that the kubeconfig trusts ({text.rpartition(': ')[2]})"
        elif "Timeout" in type(error).__name__ or "timed out" in text:
            why = "no answer in time"
        else:
            why = text.rpartition(": ")[2]
        return f"the cluster at {self.host} cannot be reached: {why}. Is it running, and is {self.source} right?"


def connect(params: Mapping[str, Any], *, dry_run: bool = False) -> Cluster:
    """Return the cluster that kubernetes.core's options, its environment or the kubeconfig name; sends nothing.

    Args:
        params: kubernetes.core's authentication options.
        dry_run: True in check mode.

    Raises:
        ClusterError: a library is missing, or the kubeconfig is missing, unreadable or lacks the context.
    """
    if MISSING:
        raise ClusterError(
            f"a part that reaches the cluster is missing ({MISSING}): install the Python package `kubernetes` for the "
            "interpreter of this host (ansible_python_interpreter) and the collection kubernetes.core on the "
            "controller (`make setup` does both)"
        )
    given = {name: params[name] for name in AUTH_OPTIONS if params.get(name) is not None}
    source = _source(given)
    broken = (OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError)
    try:
        configuration = _create_configuration(_create_auth_spec(**given))
    except (kubernetes.config.ConfigException, *broken) as error:
        raise ClusterError(f"{source} does not lead to a cluster: {_first_line(error)}") from error
    impersonated = kubernetes.client.ApiClient(configuration)
    for name, value in _create_headers(**given).items():
        _set_header(impersonated, name, value)  # one header a group
    extra = dict(impersonated.default_headers)

    def headers() -> dict[str, str]:
        keys = (configuration.get_api_key_with_prefix(name) for name in ("authorization", "BearerToken"))
        token = next((key for key in keys if key), None)
        if token is None and configuration.username:
            token = configuration.get_basic_auth_token()
        return {**extra, **({"Authorization": token} if token else {})}

    configuration.connection_pool_maxsize = 16
    pool = kubernetes.client.rest.RESTClientObject(configuration).pool_manager
    return Cluster(pool, configuration.host.rstrip("/"), headers, source, dry_run, configuration=configuration)


@contextlib.contextmanager
def _stream_errors(what: str) -> Iterator[None]:
    """Turn a refused websocket into a sentence."""
    try:
        yield
    except (kubernetes.client.ApiException, AttributeError) as error:
        # The client fails over its own error when the refusal has no body.
        cause = error.__context__ if isinstance(error, AttributeError) else error
        # Handshake status 404 Not Found -+-+- {headers} -+-+- {"kind": "Status", "message": ...}
        short, _, body = str(getattr(cause, "reason", None) or error).partition(" -+-+- ")
        with contextlib.suppress(ValueError, KeyError, TypeError):
            short = json.loads(body.rpartition("-+-+- ")[2])["message"]
        raise ClusterError(f"{what}: {short}") from error


def texts(value: Any) -> set[str]:
    """Return all texts in a JSON value, such as a kubeconfig given as a dict: they are masked."""
    if isinstance(value, dict):
        return {text for item in value.values() for text in texts(item)}
    if isinstance(value, list):
        return {text for item in value for text in texts(item)}
    return {value} if isinstance(value, str) and value else set()


def _source(given: Mapping[str, Any]) -> str:
    parts = []
    if isinstance(given.get("kubeconfig"), str):
        parts.append(f"workspace_kubeconfig ({given['kubeconfig']})")
    if given.get("context"):
        parts.append(f"workspace_context ({given['context']})")
    return " with ".join(parts) or "workspace_kubeconfig (not set: the default kubeconfig is used)"


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def _refusal(answer: Response) -> ApiError:
    try:
        status = json.loads(answer.data)
        details = status.get("details") or {}
        return ApiError(answer.status, status.get("message", ""), details.get("causes") or [])
    except (ValueError, AttributeError):
        return ApiError(answer.status, answer.data.decode("utf-8", "replace")[:300])

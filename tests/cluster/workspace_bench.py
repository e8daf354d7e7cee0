"""Runs the project's playbooks against the sandbox's cluster, in a namespace of its own, as a user would."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kubernetes import client, config
from kubernetes.stream import stream

ROOT = Path(__file__).resolve().parents[2]
CLUSTER = os.environ["CLUSTER_NAME"]  # conftest.py says which
NAMESPACE = "t-workspace"
NODE_PORT = 30090
BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36"
PASSWORD = "a-password-of-the-tests"


@dataclass
class Ran:
    """What a run of ansible-playbook left."""

    code: int
    output: str

    @property
    def changed(self) -> int:
        """Number of changed tasks, from the recap."""
        return int(re.search(r"changed=(\d+)", self.output)[1])


@dataclass
class Workspace:
    """One workspace of the tests; ``given`` is the inventory on top of inventories/sandbox."""

    folder: Path
    given: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        config.load_kube_config(os.environ["KUBECONFIG"])
        self.core = client.CoreV1Api()

    def command(self, *playbooks: str, flags: tuple[str, ...] = (), **variables: Any) -> list[str]:
        """Return the command line; the variables stand in a file, as values of any kind must survive."""
        own = {"cluster_name": CLUSTER, "workspace_namespace": NAMESPACE, "librechat_node_port": NODE_PORT}
        path = self.folder / "vars.json"
        path.write_text(json.dumps({**own, **self.given, **variables}))
        return ["ansible-playbook", "-i", "inventories/sandbox", "-e", f"@{path}", *flags, *playbooks]

    def environment(self, **more: str) -> dict[str, str]:
        path = f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}"
        temporary = {
            "ANSIBLE_LOCAL_TEMP": str(self.folder / "local"),
            "ANSIBLE_REMOTE_TEMP": str(self.folder / "remote"),
        }
        return {**os.environ, "PATH": path, **temporary, **more}

    def play(
        self, *playbooks: str, flags: tuple[str, ...] = (), environment: dict[str, str] | None = None, **variables: Any
    ) -> Ran:
        """Run playbooks to their end; stdout and stderr come as one text."""
        done = subprocess.run(
            self.command(*playbooks, flags=flags, **variables),
            cwd=ROOT,
            env=self.environment(**environment or {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
            check=False,
        )
        return Ran(done.returncode, done.stdout)

    def site(self, **more: Any) -> Ran:
        return self.play("site.yml", **more)

    def start(self, *playbooks: str, **variables: Any) -> subprocess.Popen[str]:
        """Start playbooks in a process group of their own, as a terminal does."""
        log = (self.folder / "log").open("w")
        return subprocess.Popen(
            self.command(*playbooks, **variables),
            cwd=ROOT,
            env=self.environment(),
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def pods(self) -> dict[str, set[str]]:
        """Return the uids of the living pods of each component."""
        found: dict[str, set[str]] = {}
        for pod in self.core.list_namespaced_pod(NAMESPACE).items:
            if pod.metadata.deletion_timestamp is None and pod.status.phase != "Failed":
                found.setdefault(pod.metadata.labels["app.kubernetes.io/name"], set()).add(pod.metadata.uid)
        return found

    def restarts(self) -> int:
        pods = self.core.list_namespaced_pod(NAMESPACE).items
        return sum(state.restart_count for pod in pods for state in pod.status.container_statuses or [])

    def secrets(self) -> dict[str, tuple[str, dict[str, str]]]:
        """Return resource version and data of every Secret."""
        items = self.core.list_namespaced_secret(NAMESPACE).items
        return {item.metadata.name: (item.metadata.resource_version, item.data) for item in items}

    def run_in(self, component: str, *command: str) -> str:
        pods = self.core.list_namespaced_pod(NAMESPACE, label_selector=f"app.kubernetes.io/name={component}").items
        living = [pod for pod in pods if pod.metadata.deletion_timestamp is None]
        answer = stream(
            self.core.connect_get_namespaced_pod_exec,
            living[0].metadata.name,
            NAMESPACE,
            command=list(command),
            stdout=True,
            stderr=True,
            stdin=False,
            tty=False,
            _preload_content=False,  # else the client reads JSON and gives it back as Python writes it
        )
        answer.run_forever(timeout=30)
        text: str = answer.read_stdout()
        return text

    @property
    def url(self) -> str:
        node = self.core.list_node().items[0]
        address = next(item.address for item in node.status.addresses if item.type == "InternalIP")
        return f"http://{address}:{NODE_PORT}"

    def call(self, path: str, body: Any = None, token: str | None = None) -> Any:
        """Call LibreChat on its node port, as a browser would."""
        headers = {"User-Agent": BROWSER, "Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers)  # noqa: S310 - the node's own address
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return json.load(answer)

    def login(self, email: str) -> str:
        token: str = self.call("/api/auth/login", {"email": email, "password": PASSWORD})["token"]
        return token

    def write_history(self, email: str) -> str:
        """Sign up and hold a conversation; return its id."""
        name = email.partition("@")[0]
        person = {"name": "A tester", "username": name, "email": email}
        self.call("/api/auth/register", {**person, "password": PASSWORD, "confirm_password": PASSWORD})
        token = self.login(email)
        question = {
            "text": f"remember the word {name}",
            "endpoint": "openAI",
            "model": "gpt-4o-mini",
            "conversationId": None,
            "parentMessageId": "00000000-0000-0000-0000-000000000000",
        }
        started = self.call("/api/agents/chat/openAI", question, token)
        headers = {"User-Agent": BROWSER, "Authorization": f"Bearer {token}"}
        request = urllib.request.Request(f"{self.url}/api/agents/chat/stream/{started['streamId']}", headers=headers)  # noqa: S310
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            assert b'"final":true' in answer.read().replace(b" ", b"")
        conversation: str = started["conversationId"]
        return conversation

    def history(self, email: str, conversation: str) -> list[str]:
        """Log in and return the texts of a conversation."""
        messages = self.call(f"/api/messages/{conversation}", token=self.login(email))
        return [message["text"] for message in messages if message["isCreatedByUser"]]

    def wait_until_served(self, seconds: float = 90) -> None:
        limit = time.monotonic() + seconds
        while True:
            try:
                self.call("/api/config")
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                assert time.monotonic() < limit, f"LibreChat does not answer at {self.url}"
                time.sleep(0.5)
            else:
                return


def descendants(pid: int) -> set[int]:
    """Return the pids of all processes below ``pid``."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except FileNotFoundError:
            continue
        parents[int(path.parent.name)] = int(fields[1])
    found: set[int] = set()
    queue = [pid]
    while queue:
        parent = queue.pop()
        children = {child for child, above in parents.items() if above == parent} - found
        found |= children
        queue += children
    return found


def press_ctrl_c(process: subprocess.Popen[str]) -> None:
    """Do what a terminal does: the signal goes to the whole foreground process group."""
    os.killpg(process.pid, signal.SIGINT)

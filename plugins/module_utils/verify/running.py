"""Run the checks one after the other, a line each, and sum up."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from ansible_collections.homelab.ai_workspace.plugins.module_utils.client import Cluster
from ansible_collections.homelab.ai_workspace.plugins.module_utils.errors import ClusterError, WorkspaceError
from ansible_collections.homelab.ai_workspace.plugins.module_utils.verify.checks import (
    Check,
    Settings,
    Workspace,
    checks,
    still_there,
)
from ansible_collections.homelab.ai_workspace.plugins.module_utils.verify.engines import engines
from ansible_collections.homelab.ai_workspace.plugins.module_utils.verify.forward import Pod, Pods, component_of
from ansible_collections.homelab.ai_workspace.plugins.module_utils.verify.http import CheckFailed, Http

Tell = Callable[[str], None]
"""Takes a line for the user."""

_WIDTH = 44
_FIRST = 400


def verify(cluster: Cluster, settings: Settings, tell: Tell, *, restarts: bool) -> dict[str, Any]:
    """Check a workspace.

    Args:
        cluster: where it runs.
        settings: what is on.
        tell: shows a line.
        restarts: also delete each pod once.

    Returns:
        ``checks`` (name, passed, seconds, message), ``proved`` and ``not_proved`` (lines), ``left`` (what stays).

    Raises:
        ClusterError: the cluster cannot be reached.
    """
    pods = Pods(cluster, settings.namespace)
    found = pods.all()
    if not found:
        raise ClusterError(
            f"no workspace runs in the namespace {settings.namespace} (workspace_namespace) of {cluster.host}: "
            "roll it out first, with `ansible-playbook site.yml` and the same inventory"
        )

    def http(endpoint: str) -> Http:
        at = settings.endpoints.get(endpoint, {})
        return pods.http(str(at.get("component") or endpoint), int(at.get("port") or 0))

    def run(component: str, command: list[str], stdin: str) -> tuple[int, str]:
        return cluster.execute(settings.namespace, pods.ready(component), command, stdin)

    workspace = Workspace(settings, http, run, cluster.sleep)
    results = run_checks(workspace, checks(settings), tell)
    if restarts:
        results += run_checks(workspace, _restarts(pods, found), tell)
    left = _clean_up(workspace, tell)
    proved, not_proved = engines(found, _elsewhere(settings), settings.providers)
    not_proved += _limits(settings, restarts=restarts)
    if any(not result["passed"] for result in results):
        proved = []
    for title, lines in (("proved", proved), ("not proved", not_proved)):
        for line in lines:
            tell(f"{title:<11} {line}")
    return {"checks": results, "proved": proved, "not_proved": not_proved, "left": left}


def run_checks(workspace: Workspace, wanted: Iterable[Check], tell: Tell) -> list[dict[str, Any]]:
    """Run the checks, all of them, and return their results."""
    results = []
    for check in wanted:
        start = time.monotonic()
        try:
            passed, message = True, check.do(workspace)
        except WorkspaceError as error:
            passed, message = False, str(error)[:_FIRST]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            passed, message = False, f"the answer has not the expected form: {type(error).__name__} {error}"[:_FIRST]
        seconds = time.monotonic() - start
        results.append({"name": check.name, "passed": passed, "seconds": round(seconds, 3), "message": message})
        word = "PASS" if passed else "FAIL"
        tell(f"{word}  {check.name:<{_WIDTH}} {seconds:6.1f} s{f'  {message}' if message else ''}")
    return results


def failures(results: Iterable[dict[str, Any]]) -> str:
    """Return a line for each check that failed; empty when none did."""
    failed = (result for result in results if not result["passed"])
    return "\n".join(f"{result['name']}: {' '.join(result['message'].split())}" for result in failed)


def _restarts(pods: Pods, found: Iterable[Pod]) -> Iterable[Check]:
    """Yield a check for each pod: it is deleted, comes back, and nothing is lost."""
    for pod in found:

        def restart(workspace: Workspace, pod: Pod = pod) -> str:
            seconds = pods.replace(pod)
            return f"Ready after {seconds:.1f} s, then {still_there(workspace)}"

        yield Check(f"nothing is lost with a pod of {component_of(pod)}", restart)


def _clean_up(workspace: Workspace, tell: Tell) -> list[str]:
    """Delete the verify user; return what stays."""
    chat = workspace.chat
    if not chat.user:
        return []
    try:
        answer = chat.delete_user()
        if answer.status < 300:  # noqa: PLR2004 - HTTP
            return []
        why = answer.reason()
    except CheckFailed as error:
        why = str(error)
    role = " with the role ADMIN, as the first user of all" if chat.role == "ADMIN" else ""
    left = f"user {chat.email}{role}, since DELETE /api/user/delete answers: {why.splitlines()[0][:80]}"
    tell(f"stays       {left}")
    return [left]


def _elsewhere(settings: Settings) -> list[str]:
    return [name for name in settings.endpoints if not settings.here(name)]


def _limits(settings: Settings, *, restarts: bool) -> list[str]:
    """Return what no check of this run tries."""
    lines = [f"{name}: runs elsewhere, its refusals are not tried" for name in _elsewhere(settings)]
    if not settings.chats:
        lines.append("chat, history and search: no provider of the chat is on (workspace_providers)")
    if settings.network_policies:
        lines.append("NetworkPolicies: whether they hold is up to the cluster's network plugin")
    if not restarts:
        lines.append("restarts: with -e workspace_verify_restarts=true each pod is deleted once")
    return lines

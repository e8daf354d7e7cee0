"""The whole workspace on a real cluster, by the project's own playbooks: what its user relies on."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.cluster.workspace_bench import NAMESPACE, ROOT, Workspace, descendants, press_ctrl_c

EMAIL = "tester@example.com"
SECRETS = {
    "a vaulted provider key": "sk-vault/ed+key=äöü&%41",
    "a vaulted extra variable": "extra $(PATH) {{ curly }} 'quoted' \"twice\"",
    "a given password": "valkey:/?#[]@!$&'()*+,;= %41",
}
NASTY = {
    "T_JINJA": "{{ workspace }} {% raw %}",
    "T_EXPAND": "$(PATH) $$(PATH) $$ $x ${HOME} $",
    "T_PERCENT": "%41%2F%",
    "T_QUOTES": "'single' \"double\" `back` \\ ",
    "T_LINES": "one\ntwo\n\n  three\t",
    "T_WORDS": "grüße ☃ 𝄞",
    "T_JSON": '{"a": [1, "b", null], "c": {"d": true}}',
}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace that is rolled out once for all tests of this file, and removed with its data."""
    bench = Workspace(tmp_path_factory.mktemp("workspace"))
    bench.given["workspace_secrets"] = {"librechat_valkey_password": SECRETS["a given password"]}
    first = bench.site()
    assert first.code == 0, first.output
    assert first.changed == 1
    bench.wait_until_served()
    yield bench
    gone = bench.play("playbooks/teardown.yml", workspace_delete_data=NAMESPACE)
    assert gone.code == 0, gone.output


@pytest.fixture(scope="module")
def conversation(workspace: Workspace) -> str:
    return workspace.write_history(EMAIL)


def test_a_second_run_changes_nothing(workspace: Workspace, tmp_path: Path) -> None:
    pods, restarts, secrets = workspace.pods(), workspace.restarts(), workspace.secrets()
    cache = {"ANSIBLE_CACHE_PLUGIN": "jsonfile", "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(tmp_path)}
    for _ in range(2):
        again = workspace.site(environment=cache)
        assert again.code == 0, again.output
        assert again.changed == 0
    assert (workspace.pods(), workspace.restarts(), workspace.secrets()) == (pods, restarts, secrets)
    assert list(tmp_path.iterdir()), "the fact cache was not used"

    for flags in (("--start-at-task", "Roll out the plan"), ("--start-at-task", "Plan LibreChat"), ("--tags", "x")):
        part = workspace.site(flags=flags, environment=cache)
        assert part.code != 0
        assert "workspace_only" in part.output, part.output
    assert workspace.pods() == pods


CHANGES: list[tuple[str, dict[str, Any], set[str]]] = [
    ("a password of two", {"workspace_secrets": {"meilisearch_master_key": "k" * 20}}, {"meilisearch", "librechat"}),
    ("the config of LibreChat", {"librechat_config": {"interface": {"bookmarks": False}}}, {"librechat"}),
    ("an environment variable", {"librechat_app_title": "Another title"}, {"librechat"}),
    ("the provider's base URL", {"rag_api_chunk_size": 900}, {"rag-api"}),
    ("the cache's memory", {"valkey_max_memory": "128mb"}, {"valkey"}),
    ("an extra variable", {"meilisearch_extra_env": {"MEILI_LOG_LEVEL": "WARN"}}, {"meilisearch"}),
    ("resources", {"pgvector_resources": {"requests": {"cpu": "90m", "memory": "200Mi"}}}, {"pgvector"}),
    ("a node selector", {"valkey_node_selector": {"kubernetes.io/os": "linux"}}, {"valkey"}),
    ("a volume's size", {"documentdb_storage_size": "2Gi"}, set()),
    ("network policies", {"workspace_network_policies": False}, set()),
    ("a domain", {"workspace_domain": "chat.example.com"}, {"librechat"}),
    ("two gateways", {"documentdb_ferretdb_replicas": 2}, set()),
]


def test_a_change_restarts_exactly_the_pods_that_read_it(workspace: Workspace, conversation: str) -> None:
    wrong = []
    for what, change, expected in CHANGES:
        if "workspace_secrets" in change:
            change["workspace_secrets"] |= workspace.given["workspace_secrets"]
        before = workspace.pods()
        ran = workspace.site(**change)
        if "documentdb_storage_size" in change:
            # local-path volumes cannot grow; the cluster says so, and nothing else happens.
            assert "documentdb_storage_size" in ran.output or ran.code == 0, ran.output
        else:
            assert ran.code == 0, f"{what}: {ran.output}"
        after = workspace.pods()
        restarted = {name for name in before if before[name] - after.get(name, set())}
        if restarted != expected:
            wrong.append(f"{what}: restarted {sorted(restarted)}, expected {sorted(expected)}")
        workspace.given.update({} if "documentdb_storage_size" in change else change)
    assert not wrong, "\n".join(wrong)
    workspace.wait_until_served()
    assert workspace.history(EMAIL, conversation) == ["remember the word tester"]


def test_values_come_out_as_given(workspace: Workspace) -> None:
    given = workspace.folder / "nasty.yml"  # JSON's strings are YAML's, too
    lines = [f"  {name}: !unsafe {json.dumps(value, ensure_ascii=False)}" for name, value in NASTY.items()]
    title = f"librechat_app_title: !unsafe {json.dumps(NASTY['T_EXPAND'], ensure_ascii=False)}"
    given.write_text("\n".join(["librechat_extra_env:", *lines, title]))
    ran = workspace.site(flags=("-e", f"@{given}"))
    assert ran.code == 0, ran.output
    seen = json.loads(workspace.run_in("librechat", "node", "-e", "process.stdout.write(JSON.stringify(process.env))"))
    assert {name: seen.get(name) for name in NASTY} == NASTY
    assert seen["APP_TITLE"] == NASTY["T_EXPAND"]


@pytest.mark.parametrize(("variable", "component"), [("valkey_image", "valkey"), ("rag_api_image", "rag-api")])
def test_a_wrong_image_is_cured_by_the_next_run(workspace: Workspace, variable: str, component: str) -> None:
    wrong = workspace.site(**{variable: "registry.invalid/no/such:image"})
    assert wrong.code != 0
    assert component in wrong.output
    assert "registry.invalid/no/such:image" in wrong.output
    right = workspace.site()
    assert right.code == 0, right.output
    assert workspace.site().changed == 0


def test_ctrl_c_leaves_nothing_behind(workspace: Workspace) -> None:
    process = workspace.start("site.yml", meilisearch_image="registry.invalid/no/such:image")
    below: set[int] = set()
    limit = time.monotonic() + 60
    while "meilisearch       waits" not in (workspace.folder / "log").read_text() and time.monotonic() < limit:
        time.sleep(0.2)
    below = descendants(process.pid)
    assert below, "no module was running"
    press_ctrl_c(process)
    assert process.wait(timeout=15) != 0
    limit = time.monotonic() + 5
    while alive := [pid for pid in below if Path(f"/proc/{pid}").exists()]:
        assert time.monotonic() < limit, f"still running: {alive}"
        time.sleep(0.2)
    texts = "".join(path.read_text(errors="replace") for path in workspace.folder.rglob("*") if path.is_file())
    (given,) = (
        workspace.given["workspace_secrets"].values()
        if len(workspace.given["workspace_secrets"]) == 1
        else (workspace.given["workspace_secrets"]["librechat_valkey_password"],)
    )
    assert texts.count(given) == (workspace.folder / "vars.json").read_text().count(given)
    again = workspace.site()
    assert again.code == 0, again.output


def _vaulted(folder: Path, value: str) -> str:
    """Return a value as `ansible-vault encrypt_string` writes it."""
    (folder / "vault-password").write_text("vault")
    done = subprocess.run(
        [ROOT / ".venv/bin/ansible-vault", "encrypt_string", "--vault-password-file", folder / "vault-password"],
        input=value,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_no_secret_is_written_anywhere(workspace: Workspace, tmp_path: Path) -> None:
    def block(value: str, indent: int) -> str:
        return _vaulted(tmp_path, value).replace("\n  ", "\n" + " " * (indent + 2)).rstrip()

    host = f"valkey.{NAMESPACE}.svc.cluster.local"
    external = f"redis://:{quote(SECRETS['a given password'], safe='')}@{host}:6379"
    vault = tmp_path / "vaulted.yml"
    vault.write_text(
        f"workspace_providers:\n  openai:\n    base_url: http://openai.stand-ins.svc.cluster.local:8080/v1\n"
        f"    api_key: {block(SECRETS['a vaulted provider key'], 4)}\n"
        f"librechat_extra_env:\n  T_SECRET: {block(SECRETS['a vaulted extra variable'], 2)}\n"
        f"valkey_external:\n  uri: {block(external, 2)}\n"
    )
    written = tmp_path / "written"
    written.mkdir()
    ran = workspace.site(
        flags=("-vvvv", "--diff", "-e", f"@{vault}", "--vault-password-file", str(tmp_path / "vault-password")),
        environment={
            "ANSIBLE_DEBUG": "1",
            "ANSIBLE_CACHE_PLUGIN": "jsonfile",
            "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(written / "cache"),
            "ANSIBLE_CALLBACKS_ENABLED": "ansible.builtin.junit,community.general.junit",
            "JUNIT_OUTPUT_DIR": str(written / "junit"),
            "ANSIBLE_LOCAL_TEMP": str(written / "local"),
            "ANSIBLE_REMOTE_TEMP": str(written / "remote"),
            "ANSIBLE_LOG_PATH": str(written / "ansible.log"),
        },
    )
    assert ran.code == 0, ran.output[-3000:]
    seen = json.loads(workspace.run_in("librechat", "node", "-e", "process.stdout.write(JSON.stringify(process.env))"))
    back = workspace.site()
    assert back.code == 0, back.output
    assert list((written / "junit").iterdir())
    assert list((written / "cache").iterdir())
    texts = [ran.output, *(path.read_text(errors="replace") for path in written.rglob("*") if path.is_file())]
    cluster = {base64.b64decode(data).decode() for data in workspace.secrets()["workspace-secrets"][1].values()}
    for value in {*SECRETS.values(), external, *cluster}:
        forms = {value, base64.b64encode(value.encode()).decode(), quote(value, safe=""), json.dumps(value)[1:-1]}
        for form in forms:
            assert not any(form in text for text in texts), f"a secret of {len(value)} characters stands in the output"
    assert seen["T_SECRET"] == SECRETS["a vaulted extra variable"]
    assert seen["OPENAI_API_KEY"] == SECRETS["a vaulted provider key"]


def test_data_outlives_pods_the_cluster_and_a_rollout(workspace: Workspace, conversation: str) -> None:
    expected = ["remember the word tester"]
    assert workspace.history(EMAIL, conversation) == expected

    for pod in workspace.core.list_namespaced_pod(NAMESPACE).items:
        workspace.core.delete_namespaced_pod(pod.metadata.name, NAMESPACE)
    assert workspace.site().code == 0
    workspace.wait_until_served()
    assert workspace.history(EMAIL, conversation) == expected

    for state in ("stopped", "present"):
        ran = workspace.play("playbooks/cluster_up.yml", cluster_state=state)
        assert ran.code == 0, ran.output
    assert workspace.site().code == 0
    workspace.wait_until_served()
    assert workspace.history(EMAIL, conversation) == expected


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"workspace_kubeconfig": "/no/such/file"}, "workspace_kubeconfig"),
        (
            {"workspace_storage_class": "no-such-class", "workspace_namespace": "t-never"},
            "workspace_storage_class",
        ),
        ({"workspace_context": "no-such-context"}, "workspace_context"),
    ],
)
def test_a_cluster_that_cannot_serve_is_named(workspace: Workspace, variables: dict[str, Any], named: str) -> None:
    ran = workspace.site(**variables)
    assert ran.code != 0
    assert named in ran.output
    assert "Traceback" not in ran.output
    assert "t-never" not in {item.metadata.name for item in workspace.core.list_namespace().items}


def test_a_bare_path_is_enough(workspace: Workspace) -> None:
    bare = subprocess.run(
        [str(ROOT / ".venv/bin/ansible-playbook"), *workspace.command("site.yml")[1:]],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "HOME": os.environ["HOME"], "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert bare.returncode == 0, bare.stdout + bare.stderr

"""No secret value stands in anything that a run writes, with everything switched on that makes Ansible talk."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret

from tests.cases.playbooks import TREE, ansible

VALUES = {
    "provider": "sk-geheimnis/ä+1 %41",
    "custom": "sk-geheimnis-$(B)-two",
    "extra": '{"geheimnis": "three & $x"}',
    "lines": "-----BEGIN-----\ngeheimnis/four==\n-----END-----\n",
    "uri": "mongodb://chat:geheimnis%2Ffive@db.lan/LibreChat",
    "database": "geheimnis six {{ x }}",
    "jwt": "geheimnis-seven-'quoted'-\"twice\"",
}
"""What is vaulted in the inventory."""
TALK = {
    "ANSIBLE_DEBUG": "1",
    "ANSIBLE_CALLBACKS_ENABLED": "ansible.builtin.junit",
    "ANSIBLE_CACHE_PLUGIN": "jsonfile",
    "ANSIBLE_DISPLAY_ARGS_TO_STDOUT": "1",
}
KUBECONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "none",
    "clusters": [{"name": "none", "cluster": {"server": "http://127.0.0.1:1"}}],
    "users": [{"name": "none", "user": {"token": "token-of-nobody"}}],
    "contexts": [{"name": "none", "context": {"cluster": "none", "user": "none"}}],
}


class _Vaulted(str):
    """Text that the inventory holds encrypted."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    """Writes it so."""


def forms(value: str) -> set[str]:
    """Return the value, and each line of it, as somebody may write it."""
    found = set()
    for part in {value, *(line for line in value.splitlines() if "geheimnis" in line)}:
        encoded = base64.b64encode(part.encode()).decode()
        found |= {part, repr(part)[1:-1], json.dumps(part)[1:-1], json.dumps(part, ensure_ascii=False)[1:-1], encoded}
        found |= {quote(part, safe=""), quote(part), quote_plus(part)}
    return found


def leaks(text: str) -> set[str]:
    """Return the names of the values that stand in a text, in any form; also the word that all of them hold."""
    found = {name for name, value in VALUES.items() if any(form in text for form in forms(value))}
    return found | ({"a part of one"} if "geheimnis" in text else set())


def inventory(folder: Path) -> Path:
    """Write an inventory whose secrets are vaulted, and the file of the vault's password."""
    password = b"password of the vault"
    (folder / "vault").write_bytes(password)
    vault = VaultLib([("default", VaultSecret(password))])
    _Dumper.add_representer(
        _Vaulted, lambda dumper, text: dumper.represent_scalar("!vault", vault.encrypt(str(text)).decode(), style="|")
    )
    value = {name: _Vaulted(text) for name, text in VALUES.items()}
    box = {"name": "Box", "base_url": "http://box.lan/v1", "models": ["m"], "api_key": value["custom"]}
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(KUBECONFIG), encoding="utf-8")
    variables = {
        "ansible_connection": "local",
        "workspace_kubeconfig": str(kubeconfig),
        "workspace_providers": {"openai": {"api_key": value["provider"]}, "custom": [box]},
        "workspace_secrets": {"pgvector_password": value["database"], "librechat_jwt_secret": value["jwt"]},
        "librechat_extra_env": {"JSON": value["extra"], "PEM": value["lines"]},
        "documentdb_external": {"uri": value["uri"]},
    }
    path = folder / "inventory.yml"
    path.write_text(yaml.dump({"clusters": {"hosts": {"home": variables}}}, Dumper=_Dumper), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("playbook", "options", "code"),
    [
        ("playbooks/render.yml", [], 0),
        ("site.yml", [], 2),
        ("site.yml", ["--check"], 2),
        ("playbooks/teardown.yml", [], 2),
    ],
)
def test_nothing_tells_a_secret(tmp_path: Path, playbook: str, options: list[str], code: int) -> None:
    """Where a cluster is wanted, there is none: the module starts with all values and fails to connect."""
    given = tmp_path / "given"
    given.mkdir()
    written = tmp_path / "written"
    for name in ("tmp", "local", "junit", "cache", "home"):
        (written / name).mkdir(parents=True)
    done = ansible(
        TREE / playbook,
        inventory(given),
        "-vvvv",
        "--diff",
        "-e",
        f"workspace_render_dir={written}/rendered",
        "--vault-password-file",
        str(given / "vault"),
        *options,
        **TALK,
        TMPDIR=str(written / "tmp"),
        HOME=str(written / "home"),
        ANSIBLE_LOCAL_TEMP=str(written / "local"),
        ANSIBLE_LOG_PATH=str(written / "log"),
        ANSIBLE_CACHE_PLUGIN_CONNECTION=str(written / "cache"),
        JUNIT_OUTPUT_DIR=str(written / "junit"),
    )
    assert done.returncode == code, done.stdout[-3000:]
    assert ("127.0.0.1:1" in done.stdout) == (code == 2)
    texts = {str(path): path.read_text("utf-8", "replace") for path in written.rglob("*") if path.is_file()}
    assert {"junit", "cache", "log"} <= {Path(path).relative_to(written).parts[0] for path in texts}
    for name, text in {"stdout": done.stdout, "stderr": done.stderr, **texts}.items():
        assert leaks(text) == set(), name


def test_the_search_can_find() -> None:
    for name, value in VALUES.items():
        for form in forms(value):
            assert name in leaks(f"x {form} y")

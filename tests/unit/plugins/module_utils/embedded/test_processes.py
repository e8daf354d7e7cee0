"""Only processes of the cluster are seen and ended."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from ansible_collections.homelab.ai_workspace.plugins.module_utils.embedded import processes

SLEEP = "import signal, sys, time; signal.signal(signal.SIGTERM, {action}); print(flush=True); time.sleep(60)"


@pytest.fixture
def start():
    """Return a function that starts a process under a name, with more words in its command line."""
    started = []

    def run(name: str, *words: object, action: str = "signal.SIG_DFL") -> int:
        argv = [name, "-c", SLEEP.format(action=action), *map(str, words)]
        process = subprocess.Popen(argv, executable=sys.executable, stdout=subprocess.PIPE)
        process.stdout.readline()
        started.append(process)
        return process.pid

    yield run
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_daemon_of_the_cluster_is_seen_and_nothing_else(make_cluster, start):
    cluster = make_cluster()
    daemon = start("/somewhere/kubelet", f"--root-dir={cluster.run}/kubelet")
    start("kubelet", "--root-dir=/var/lib/kubelet")
    start("kubelet", f"--root-dir={make_cluster('two').run}/kubelet")
    start("editor", f"{cluster.run}/config")
    found = processes.processes(cluster)
    assert [process.pid for process in found] == [daemon]
    assert abs(found[0].started - time.time()) < 5
    assert (found[0].program, found[0].pod) == ("kubelet", False)


def test_what_does_not_end_is_killed(make_cluster, start):
    cluster = make_cluster()
    start("etcd", cluster.run, action="signal.SIG_IGN")
    start("kubelet", cluster.run)
    processes.end(cluster, lambda process: process.program == "kubelet", patience=5)
    assert [process.program for process in processes.processes(cluster)] == ["etcd"]
    begun = time.monotonic()
    processes.end_all(cluster, patience=0)
    assert processes.processes(cluster) == []
    assert time.monotonic() - begun < 10

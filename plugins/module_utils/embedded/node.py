"""What runs on the node: each program's configuration and command line."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from pathlib import Path
from typing import Any

from ansible_collections.homelab.ai_workspace.plugins.module_utils.embedded.cluster import (
    Cluster,
    inside,
    run,
    write,
)
from ansible_collections.homelab.ai_workspace.plugins.module_utils.embedded.host import CNI_DIR
from ansible_collections.homelab.ai_workspace.plugins.module_utils.embedded.network import Block

DOMAIN = "cluster.local"
ETCD = "http://127.0.0.1:2379"
"""Plain: the namespace's own loopback is the only way to it."""

RENEW = 300 * 24 * 3600
"""Certificates are good for a year; at the first start after this many seconds they are made anew."""


def certificates(cluster: Cluster, block: Block, binaries: Path) -> None:
    """Make certificates and kubeconfigs that are missing, and the user's kubeconfig."""
    shared: dict[str, Any] = {"apiVersion": "kubeadm.k8s.io/v1beta4"}
    initial = {
        "kind": "InitConfiguration",
        "localAPIEndpoint": {"advertiseAddress": str(block.node), "bindPort": 6443},
        "nodeRegistration": {"name": cluster.name, "criSocket": f"unix://{_socket(cluster)}"},
    }
    whole = {
        "kind": "ClusterConfiguration",
        "clusterName": cluster.name,
        "kubernetesVersion": f"v{cluster.version}",
        "certificatesDir": str(cluster.run / "pki"),
        "networking": {
            "serviceSubnet": str(block.services),
            "podSubnet": str(block.pods),
            "dnsDomain": DOMAIN,
        },
        "etcd": {"external": {"endpoints": [ETCD]}},
    }
    config = _config(cluster, "kubeadm.yaml", "\n---\n".join(json.dumps(shared | part) for part in (initial, whole)))
    folder = cluster.state_dir / "kubeconfigs"
    admin = folder / "admin.conf"
    if admin.exists() and time.time() - admin.stat().st_mtime > RENEW:
        shutil.rmtree(folder)
        for leaf in [*(cluster.state_dir / "pki").glob("apiserver*"), *(cluster.state_dir / "pki").glob("*client*")]:
            leaf.unlink()
    if not admin.exists():
        kubeadm = inside(cluster, binaries / "kubeadm", "init", "phase")
        run(*kubeadm, "certs", "all", "--config", config)
        run(*kubeadm, "kubeconfig", "all", "--config", config, "--kubeconfig-dir", cluster.run / "kubeconfigs")
    write(cluster.kubeconfig, admin.read_text(encoding="utf-8"))


def _config(cluster: Cluster, name: str, text: str) -> Path:
    """Write a configuration; its path holds its digest, so that a change changes the command line."""
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    write(cluster.state_dir / "config" / digest / name, text)
    return cluster.run / "config" / digest / name


def commands(cluster: Cluster, block: Block, binaries: Path, image: str) -> dict[str, list[str]]:
    """Return the command line of every daemon, in the order of their start; no flag holds a space."""
    home = cluster.run
    keys, configs = home / "pki", home / "kubeconfigs"
    kubelet = _config(cluster, "kubelet.json", json.dumps(_kubelet(cluster, block)))
    proxy = _config(cluster, "kube-proxy.json", json.dumps(_kube_proxy(cluster, block)))
    volumes = _config(cluster, "local-path.json", json.dumps(_volumes(cluster)))
    helper = _config(cluster, "helper-pod.json", json.dumps(_helper_pod(image)))
    pods = _config(cluster, "cni.conflist", json.dumps(_cni(cluster, block)))
    containerd = _config(cluster, "containerd.toml", _containerd(cluster, image, pods.parent))
    quick = "--bind-address=127.0.0.1 --leader-elect=false --kube-api-qps=200 --kube-api-burst=400"
    flags = {
        "etcd": f"""
            --data-dir={home}/etcd --listen-client-urls={ETCD} --advertise-client-urls={ETCD}
            --listen-peer-urls=http://127.0.0.1:2380""",
        "kube-apiserver": f"""
            --advertise-address={block.node} --allow-privileged=true --authorization-mode=Node,RBAC
            --client-ca-file={keys}/ca.crt --enable-admission-plugins=NodeRestriction --etcd-servers={ETCD}
            --kubelet-client-certificate={keys}/apiserver-kubelet-client.crt
            --kubelet-client-key={keys}/apiserver-kubelet-client.key --kubelet-preferred-address-types=InternalIP
            --proxy-client-cert-file={keys}/front-proxy-client.crt
            --proxy-client-key-file={keys}/front-proxy-client.key --requestheader-allowed-names=front-proxy-client
            --requestheader-client-ca-file={keys}/front-proxy-ca.crt
            --requestheader-extra-headers-prefix=X-Remote-Extra- --requestheader-group-headers=X-Remote-Group
            --requestheader-username-headers=X-Remote-User
            --service-account-issuer=https://kubernetes.default.svc.{DOMAIN}
            --service-account-key-file={keys}/sa.pub --service-account-signing-key-file={keys}/sa.key
            --service-cluster-ip-range={block.services}
            --tls-cert-file={keys}/apiserver.crt --tls-private-key-file={keys}/apiserver.key""",
        "kube-controller-manager": f"""
            --kubeconfig={configs}/controller-manager.conf {quick}
            --authentication-kubeconfig={configs}/controller-manager.conf
            --authorization-kubeconfig={configs}/controller-manager.conf
            --client-ca-file={keys}/ca.crt --requestheader-client-ca-file={keys}/front-proxy-ca.crt
            --cluster-signing-cert-file={keys}/ca.crt --cluster-signing-key-file={keys}/ca.key
            --root-ca-file={keys}/ca.crt --service-account-private-key-file={keys}/sa.key
            --use-service-account-credentials=true""",
        "kube-scheduler": f"""
            --kubeconfig={configs}/scheduler.conf {quick}
            --authentication-kubeconfig={configs}/scheduler.conf
            --authorization-kubeconfig={configs}/scheduler.conf""",
        "kubelet": f"""
            --config={kubelet} --kubeconfig={configs}/kubelet.conf --root-dir={home}/kubelet
            --cert-dir={home}/kubelet/pki --hostname-override={cluster.name} --node-ip={block.node}""",
        "kube-proxy": f"--config={proxy}",
        "local-path-provisioner": f"""
            start --config={volumes} --kubeconfig={configs}/super-admin.conf --namespace=kube-system
            --helper-image={image} --helper-pod-file={helper} --service-account-name=default""",
    }
    lines = {program: [str(binaries / program), *text.split()] for program, text in flags.items()}
    return {"containerd": ["containerd", f"--config={containerd}"], **lines}


def _socket(cluster: Cluster) -> Path:
    return cluster.run / "run/containerd.sock"


def _containerd(cluster: Cluster, image: str, network: Path) -> str:
    """Return containerd's settings; strings of JSON are strings of TOML too."""
    home, cri = cluster.run, 'plugins."io.containerd.grpc.v1.cri"'
    tables: dict[str, dict[str, Any]] = {
        "": {
            "version": 2,
            "root": f"{home}/containerd",
            "state": f"{home}/run/containerd",
            "oom_score": 0,
            "disabled_plugins": ["io.containerd.internal.v1.opt"],
        },
        "grpc": {"address": str(_socket(cluster))},
        cri: {
            "sandbox_image": image,
            "restrict_oom_score_adj": True,
            "disable_apparmor": True,
            "netns_mounts_under_state_dir": True,
        },
        f"{cri}.cni": {"bin_dir": str(CNI_DIR), "conf_dir": str(network)},
        f"{cri}.containerd": {"snapshotter": "overlayfs"},
        f"{cri}.containerd.runtimes.runc": {"runtime_type": "io.containerd.runc.v2"},
        f"{cri}.containerd.runtimes.runc.options": {"SystemdCgroup": False, "Root": f"{home}/run/runc"},
    }
    return "".join(
        (f"[{name}]\n" if name else "") + "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())
        for name, table in tables.items()
    )


def _cni(cluster: Cluster, block: Block) -> dict[str, Any]:
    """Return the pod network; its name marks what the plugins leave in /var/lib/cni."""
    addresses = {
        "type": "host-local",
        "dataDir": str(cluster.run / "run/cni"),
        "ranges": [[{"subnet": str(block.pods)}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    bridge = {"type": "bridge", "bridge": "cni0", "isGateway": True, "hairpinMode": True, "ipMasq": False}
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return {"cniVersion": "1.0.0", "name": cluster.cgroup, "plugins": [bridge | {"ipam": addresses}, ports]}


def _kubelet(cluster: Cluster, block: Block) -> dict[str, Any]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(cluster.run / "pki/ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{cluster.cgroup}",
        "clusterDNS": [str(block.dns)],
        "clusterDomain": DOMAIN,
        "containerRuntimeEndpoint": f"unix://{_socket(cluster)}",
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "failCgroupV1": False,
        "failSwapOn": False,
        "imageGCHighThresholdPercent": 100,
        "maxPods": 250,
        "oomScoreAdj": 0,
        "podLogsDir": str(cluster.run / "log/pods"),
        "resolvConf": str(_config(cluster, "resolv.conf", "")),
        "volumePluginDir": str(cluster.run / "kubelet/volume-plugins"),
    }


def _kube_proxy(cluster: Cluster, block: Block) -> dict[str, Any]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "bindAddress": str(block.node),
        "clientConnection": {"kubeconfig": str(cluster.run / "kubeconfigs/super-admin.conf")},
        "clusterCIDR": str(block.pods),
        "conntrack": {"maxPerCore": 0, "min": 0},
        "hostnameOverride": cluster.name,
        "metricsBindAddress": "127.0.0.1:10249",
        "iptables": {"minSyncPeriod": "50ms"},
        "mode": "iptables",
        "oomScoreAdj": 0,
    }


def _volumes(cluster: Cluster) -> dict[str, Any]:
    path = {"node": "DEFAULT_PATH_FOR_NON_LISTED_NODES", "paths": [str(cluster.run / "volumes")]}
    return {"nodePathMap": [path]}


def _helper_pod(image: str) -> dict[str, Any]:
    container = {"name": "helper-pod", "image": image, "imagePullPolicy": "Never"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "helper-pod"},
        "spec": {"priorityClassName": "system-node-critical", "containers": [container]},
    }

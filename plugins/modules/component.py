"""The documented face of the action component."""

from __future__ import annotations

DOCUMENTATION = r"""
module: component
short_description: Add one component to the plan of a workspace
description:
  - A component is one workload with everything that belongs to it. From the fields below the rollout makes the
    Deployment or StatefulSet, Service, ConfigMap, Secret, PersistentVolumeClaims, Ingress, HorizontalPodAutoscaler,
    PodDisruptionBudget, NetworkPolicy and ServiceMonitor, with restricted pod security and standard labels.
  - Every field is checked; what is wrong is told with role, component and field. A component of the same name is
    replaced. Nothing is applied.
  - A value may hold references to secrets (filter P(homelab.ai_workspace.secret#filter)). What holds one becomes part
    of a Secret, never of a ConfigMap or of a pod's spec.
version_added: 0.1.0
author:
  - The homelab.ai_workspace authors (@homelab)
options:
  name:
    description: Name of the component and of its objects; up to 50 of a-z, 0-9 and '-'.
    type: str
    required: true
  kind:
    description: Kind of the workload. Pods of a StatefulSet are started side by side, so that a broken one is replaced.
    type: str
    choices: [Deployment, StatefulSet]
    default: Deployment
  image:
    description: The image, with its tag or digest. The registry is replaced where the workspace has a mirror.
    type: str
    required: true
  command:
    description: Takes the place of the image's entry point; reaches the program as it is written here.
    type: list
    elements: str
  args:
    description: Takes the place of the image's arguments; reaches the program as it is written here.
    type: list
    elements: str
  user:
    description: Numeric user that the container runs as; never 0.
    type: int
    required: true
  group:
    description: Numeric group of the process and of its volumes; by default the same number as O(user).
    type: int
  replicas:
    description: Number of pods; 1 where a volume has one writer.
    type: int
    default: 1
  ports:
    description: Container ports by name, which the Service offers too; without any there is no Service.
    type: dict
    default: {}
  service:
    description: What the Service has beyond its ports.
    type: dict
    default: {}
    suboptions:
      type:
        description: Type of the Service, such as V(NodePort).
        type: str
        default: ClusterIP
      node_port:
        description: Port on every node for the first of O(ports).
        type: int
  env:
    description:
      - Environment variables. A value reaches the program exactly as it is written here; booleans become V(true) and
        V(false), null leaves the variable out, and what holds a reference to a secret comes from the Secret.
    type: dict
    default: {}
  secret_env:
    description: Environment variables that must hold a reference to a secret; one that does not is an error.
    type: dict
    default: {}
  extra_env:
    description: Environment variables of the user's; they win over O(env) and O(secret_env).
    type: dict
    default: {}
  files:
    description:
      - Content of files by their paths. Text is written as it is, anything else as YAML. All files of a folder are
        mounted together, read-only.
    type: dict
    default: {}
  volumes:
    description:
      - PersistentVolumeClaims by name. Each has C(size), and either C(mount) (a path) or C(mounts) (paths and the
        folders of the volume that they show); it may have C(storage_class) and C(access_modes).
      - A volume without C(ReadWriteMany) has one writer; the workload then never runs two pods at a time.
    type: dict
    default: {}
  empty_dirs:
    description: Folders that live as long as the pod, by path. Each may have C(medium) (V(Memory)) and C(size_limit).
    type: dict
    default: {}
  ready:
    description: When the pod can serve. Give one of C(http), C(tcp) and C(exec).
    type: dict
    required: true
    suboptions: &probe
      http:
        description: A GET that must be answered with a status below 400.
        type: dict
        suboptions:
          port:
            description: Name of the port.
            type: str
            required: true
          path:
            description: Path of the URL.
            type: str
            default: /
      tcp:
        description: Name of a port that must accept a connection.
        type: str
      exec:
        description: Command that must end with 0, as it is written here.
        type: list
        elements: str
      period:
        description: Seconds between two checks.
        type: int
        default: 5
      timeout:
        description: Seconds that a check may take.
        type: int
        default: 5
      failures:
        description: Failed checks in a row that count.
        type: int
        default: 3
  live:
    description: When the pod must not be restarted; without it, it is never restarted for its health.
    type: dict
    suboptions: *probe
  start_seconds:
    description: Seconds that a start may take before the container is restarted.
    type: int
    default: 120
  grace_seconds:
    description: Seconds that the program has for ending.
    type: int
    default: 30
  pre_stop:
    description: Command that runs in the container before it is told to end.
    type: list
    elements: str
  needs:
    description:
      - Components or endpoints that must be ready before this one. The same edges become NetworkPolicies, and the order
        in which the workspace is taken down.
    type: list
    elements: str
    default: []
  egress:
    description:
      - URLs outside of the workspace that the pods may reach, and V(internet) for every public address.
    type: list
    elements: str
    default: []
  resources:
    description: Requests and limits of the container, as Kubernetes writes them.
    type: dict
    default: {}
  ingress:
    description: Ingress to the port called C(http), with C(enabled), C(host), C(class_name), C(annotations) and C(tls).
    type: dict
    default: {}
  autoscaling:
    description: HorizontalPodAutoscaler, with C(enabled), C(min), C(max) and C(cpu) (percent of the requested CPU).
    type: dict
    default: {}
  node_selector:
    description: Labels that a node must carry.
    type: dict
    default: {}
  tolerations:
    description: Taints that the pods tolerate, as Kubernetes writes them.
    type: list
    elements: dict
    default: []
  overrides:
    description:
      - Patches merged last into the objects, each with C(kind), C(name) (without it every object of the kind) and
        C(patch). Dicts are merged, null removes, everything else is replaced. One that matches nothing is an error.
    type: list
    elements: dict
    default: []
  metrics:
    description: Where Prometheus finds metrics. A port that only serves them is closed to everybody else.
    type: dict
    suboptions:
      port:
        description: Name of the port.
        type: str
        required: true
      path:
        description: Path of the URL.
        type: str
        default: /metrics
      secret_env:
        description: Variable of the environment that holds the bearer token.
        type: str
  timeout:
    description: Seconds from the start of the component to readiness; after that it has failed.
    type: int
    default: 300
extends_documentation_fragment:
  - homelab.ai_workspace.attributes
"""

EXAMPLES = r"""
- name: Plan the search engine of LibreChat
  homelab.ai_workspace.component:
    name: meilisearch
    kind: StatefulSet
    image: docker.io/getmeili/meilisearch:v1.35.1
    user: 1000
    ports: {http: 7700}
    env: {MEILI_ENV: production}
    secret_env: {MEILI_MASTER_KEY: "{{ 'meilisearch_master_key' | homelab.ai_workspace.secret }}"}
    volumes: {data: {mount: /meili_data, size: 10Gi}}
    ready: {http: {port: http, path: /health}}
"""

RETURN = r"""
problems:
  description: All that is wrong with the component, a line each.
  returned: when a field is wrong
  type: list
  elements: str
  sample: ["role meilisearch, component meilisearch.replicas is 'two' (str); allowed is int"]
"""

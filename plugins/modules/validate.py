"""The documented face of the action validate."""

from __future__ import annotations

DOCUMENTATION = r"""
module: validate
short_description: Check every variable of a workspace at once, and open its plan
description:
  - Reads the argument specs of all roles and the variables of the host, checks types, choices, shapes of secrets,
    misspelt names and what must agree between services, and tells all that is wrong in one message. It touches no
    cluster.
  - Its result is the model of the workspace, to be registered as C(workspace); roles read it wherever a value may be
    a secret. It holds references to secrets, never values, so that it may be printed, logged and cached.
  - Opens an empty plan, stamped with this run of ansible-playbook; M(homelab.ai_workspace.component) fills it and
    M(homelab.ai_workspace.rollout) rolls it out. Both refuse the plan of another run.
  - Refuses C(--tags), C(--skip-tags) and C(--start-at-task), which make half a plan, two hosts that are the same
    namespace of the same cluster, and a variable of the user's called C(workspace).
version_added: 0.1.0
author:
  - The homelab.ai_workspace authors (@homelab)
options: {}
extends_documentation_fragment:
  - homelab.ai_workspace.attributes
"""

EXAMPLES = r"""
- name: Check every variable
  homelab.ai_workspace.validate:
  register: workspace
  any_errors_fatal: true
  tags: [always]
"""

RETURN = r"""
run:
  description: Identity of the run of ansible-playbook that the model belongs to.
  returned: success
  type: str
  sample: 0242ac11-0002-5f1b-8f5d
namespace:
  description: The namespace of the workspace.
  returned: success
  type: str
  sample: ai-workspace
service_domain:
  description: What stands behind a Service's name in its host name.
  returned: success
  type: str
  sample: ai-workspace.svc.cluster.local
services:
  description: Names of the roles that plan something in this run.
  returned: success
  type: list
  elements: str
  sample: [documentdb, librechat, meilisearch, valkey]
endpoints:
  description: How each service that is on is reached, by the name of the endpoint.
  returned: success
  type: dict
  sample:
    meilisearch:
      external: false
      component: meilisearch
      scheme: http
      host: meilisearch.ai-workspace.svc.cluster.local
      port: 7700
needs:
  description: For each service that runs here, the endpoints that it reaches.
  returned: success
  type: dict
  sample: {librechat: [document_store, valkey, meilisearch]}
providers:
  description: The providers of models that have what they require; keys are references.
  returned: success
  type: dict
  sample: {openai: {api_key: "⟦secret:openai_api_key⟧", chat: true}}
embeddings:
  description: Who makes the embeddings; null when nobody does.
  returned: success
  type: dict
  sample: {provider: openai, model: text-embedding-3-small, api_key: "⟦secret:openai_api_key⟧"}
variables:
  description: Every variable that has a value, converted to its type, with references in place of secrets.
  returned: success
  type: dict
  sample: {librechat_replicas: 1}
"""

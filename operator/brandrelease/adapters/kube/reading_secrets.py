"""Secrets of the Kubernetes API: read one at a time by name, never listed."""

import base64

from brandrelease.adapters.kube.api import SECRETS, ApiError, KubeApi
from brandrelease.apis.reasons import Reason
from brandrelease.core.snapshot import Refusal
from brandrelease.ports import Refused, Secret

FORBIDDEN = 403


async def read_secret(api: KubeApi, namespace: str, name: str) -> Secret | None:
    """The data of the Secret; None if there is none. Raises ApiError."""
    body = await api.get(SECRETS, namespace, name)
    return {key: base64.b64decode(value) for key, value in body.get("data", {}).items()} if body else None


class KubeSecrets:
    """Reads Secrets, and says so in a sentence where it may not."""

    def __init__(self, api: KubeApi) -> None:
        self._api = api

    async def __call__(self, namespace: str, name: str) -> Secret | None:
        """The data of the Secret; None if there is none. Raises Refused where the operator has no right to it."""
        try:
            return await read_secret(self._api, namespace, name)
        except ApiError as error:
            if error.status != FORBIDDEN:
                raise
            message = (
                f'The operator may not read Secret "{name}" in namespace "{namespace}": {error.message.rstrip(".")}. '
                "Allow its service account to get Secrets there."
            )
            raise Refused(Refusal(Reason.SecretForbidden, message)) from error

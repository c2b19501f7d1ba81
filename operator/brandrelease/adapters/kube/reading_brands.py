"""A Brand as a pass over one of its BrandReleases reads it: live, or as it was read before."""

import asyncio
from typing import Any
from weakref import WeakValueDictionary

import orjson
from pydantic import ValidationError

from brandrelease.adapters.kube.api import BRANDS, KubeApi
from brandrelease.apis.brand import Brand
from brandrelease.core.snapshot import BrandInvalid


class BrandReader:
    """The last answer about each Brand, while the watch has told of nothing newer.

    A Brand has many environments, and of a custom resource the API server has more work than of anything else that is read.
    """

    def __init__(self, api: KubeApi) -> None:
        self._api = api
        self._read: dict[str, bytes] = {}
        """As JSON, which takes a tenth of the memory of objects."""
        self._asking: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def live(self, name: str) -> Brand | BrandInvalid | None:
        body = await self._api.get(BRANDS, None, name)
        if body is None:
            self._read.pop(name, None)
            return None
        self._read[name] = orjson.dumps(body)
        return read_brand(body)

    async def before(self, name: str) -> Brand | BrandInvalid | None:
        """The last answer; a live one where there is none, or it may be another one now. Who comes meanwhile waits for that."""
        async with self._asking.setdefault(name, asyncio.Lock()):
            body = orjson.loads(self._read[name]) if name in self._read else None
            is_newest = body is not None and self._api.is_newest(BRANDS, body["metadata"])
            return read_brand(body) if body and is_newest else await self.live(name)


def read_brand(body: dict[str, Any]) -> Brand | BrandInvalid:
    """The Brand; or which rule of this operator it breaks, since it was stored under others."""
    try:
        return Brand.from_object(body)
    except ValidationError as error:
        first = error.errors()[0]
        return BrandInvalid(f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}.")

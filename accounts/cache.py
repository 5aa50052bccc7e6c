"""Redis for counting sign-in attempts; without it people can still sign in."""

from typing import Any

import structlog
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

logger = structlog.get_logger(__name__)


class ForgivingRedisCache(RedisCache):
    """A cache whose server may be away: reads find nothing and writes are dropped.

    The limits on sign-in attempts are lifted for that time, which is logged: locking
    every member out of tonight's session would be worse.
    """

    def add(self, *args: Any, **kwargs: Any) -> bool:
        try:
            return super().add(*args, **kwargs)
        except RedisError as error:
            _report(error)
            return True

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        try:
            return super().get(key, default, version)
        except RedisError as error:
            _report(error)
            return default

    def set(self, *args: Any, **kwargs: Any) -> None:
        try:
            super().set(*args, **kwargs)
        except RedisError as error:
            _report(error)

    def delete(self, *args: Any, **kwargs: Any) -> bool:
        try:
            return super().delete(*args, **kwargs)
        except RedisError as error:
            _report(error)
            return False


def _report(error: RedisError) -> None:
    logger.error("cache is away: sign-in attempts are not limited", error=repr(error))

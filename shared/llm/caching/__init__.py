"""What a model said before, kept so that it needn't be asked again: answers, vectors, and calls in flight.

Memory lies in front; behind it the process's database, or a Redis by the setting `cache_url`.
"""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncEngine

from shared.llm.caching.embeddings import EmbeddingCache
from shared.llm.caching.flights import Landed, SingleFlight
from shared.llm.caching.responses import CachedReply, ResponseCache
from shared.llm.caching.sql_store import SqlEmbeddings, SqlResponses
from shared.llm.caching.store import CacheStores
from shared.settings import Settings

__all__ = ["CacheStores", "CachedReply", "EmbeddingCache", "Landed", "ResponseCache", "SingleFlight", "open_stores"]
_MIB = 2**20


def open_stores(settings: Settings, engine: AsyncEngine) -> CacheStores:
    """Where caches are kept by the settings; nothing is connected to yet. To be closed at the end.

    Raises InvalidInput for a `cache_url` that no Redis can have.
    """
    days, most = settings.response_cache_days, settings.response_cache_mb * _MIB
    if settings.cache_url is None:
        return CacheStores(SqlResponses(engine, days=days, max_bytes=most), SqlEmbeddings(engine))
    from shared.llm.caching.redis_store import RedisLink, RedisStore  # only who has a Redis waits for its import

    link = RedisLink(settings.cache_url.get_secret_value())
    responses = RedisStore(link, "responses", days=days, max_bytes=most)
    return CacheStores(responses, RedisStore(link, "embeddings"), close=link.close)

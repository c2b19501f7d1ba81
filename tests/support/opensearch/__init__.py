"""A real OpenSearch on this machine, which speaks the API of Elasticsearch.

    with OpenSearchServer() as logs:           # logs.url
        logs.bulk("logs-drumeo-1", [{"@timestamp": ..., "message": ...}])

Its jars come from Maven Central, once. There is no security plugin: for logins, a Gate stands in front (support.gate).
"""

from support.opensearch.server import OpenSearchServer

__all__ = ["OpenSearchServer"]

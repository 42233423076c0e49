"""What the tests of the foundation share with others."""

from tests.serving.conftest import own_redis

__all__ = ["own_redis"]

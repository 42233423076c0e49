"""Social over HTTP: follows, opinions, shared songs, blocks and activities."""

from fastapi import APIRouter

from catalog_api.social.activities.router import router as activities
from catalog_api.social.blocks.router import router as blocks
from catalog_api.social.follows.router import router as follows
from catalog_api.social.opinions.router import router as opinions
from catalog_api.social.shares.router import router as shares
from foundation.http.route import Route

router = APIRouter(route_class=Route)
for each in (follows, opinions, shares, blocks, activities):
    router.include_router(each)

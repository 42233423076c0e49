"""What endpoints depend on is made in the event loop: a thread for each costs more than most of them do."""

from collections.abc import Iterator
from inspect import isasyncgenfunction, iscoroutinefunction

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from catalog_api.routers import ROUTERS
from serving.recommend.router import router as recommend
from serving.similar.router import router as similar
from serving.trending.router import router as trending


def below(dependant: Dependant) -> Iterator[object]:
    for each in dependant.dependencies:
        yield each.call
        yield from below(each)


def test_no_endpoint_and_no_dependency_runs_in_a_thread() -> None:
    routers = (recommend, similar, trending, *ROUTERS)
    routes = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
    called = {call for route in routes for call in (route.endpoint, *below(route.dependant))}

    in_threads = {
        call
        for call in called
        if not any(
            is_async(each)
            for each in (call, type(call).__call__)
            for is_async in (iscoroutinefunction, isasyncgenfunction)
        )
    }

    assert len(routes) > 50
    assert in_threads == set()

"""Declaring routes: what is taken, and what is said of what is not."""

from collections.abc import Iterator
from typing import Any

import pytest

import qsdb
from qsdb import HttpRequest, HttpResponse, ProcedureContext


@pytest.fixture
def module() -> qsdb.Module:
    return qsdb.Module("m")


def mistakes(module: qsdb.Module) -> list[str]:
    with pytest.raises(qsdb.SchemaError) as caught:
        module.compiled()
    return [each.removeprefix("module m, ") for each in caught.value.mistakes]


def hook(_: ProcedureContext, request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.body)


async def slow(_: ProcedureContext, __: HttpRequest) -> HttpResponse:
    return HttpResponse()


def test_handlers_are_functions_that_stay_as_they_are(module: qsdb.Module) -> None:
    assert module.http("GET", "/a")(hook) is hook
    assert module.http("POST", "/a")(hook) is hook
    assert module.http("ANY", "")(slow) is slow

    routes = module.compiled().http_routes

    assert [(each.method, each.path) for each in routes] == [
        ("GET", "/a"),
        ("POST", "/a"),
        ("ANY", ""),
    ]
    first, second, third = [each.handler for each in routes]
    assert first is second
    assert (first.name, first.is_async, third.is_async) == ("hook", False, True)
    assert module.compiled().procedures == {}
    request = HttpRequest("GET", "/a", "", {}, b"x")
    assert first.run(None, (request,)) == HttpResponse(b"x")


def test_what_is_declared_later_is_there_too(module: qsdb.Module) -> None:
    assert module.compiled().http_routes == ()

    module.http("GET", "/a")(hook)

    assert len(module.compiled().http_routes) == 1


def test_a_handler_is_no_procedure_to_be_called(module: qsdb.Module) -> None:
    module.http("GET", "/a")(hook)
    [route] = module.compiled().http_routes

    with pytest.raises(qsdb.ArgumentError, match="run by requests alone"):
        route.handler.check()
    with qsdb.Database(module) as db, pytest.raises(qsdb.NotFoundError):
        db.call("hook")


@pytest.mark.parametrize("path", ["/", "/a-z_0~/b/", "//", ""])
def test_paths_stand_as_they_are(module: qsdb.Module, path: str) -> None:
    module.http("GET", path)(hook)

    assert module.compiled().http_routes[0].path == path


@pytest.mark.parametrize("path", ["a", "/A", "/ä", "/a?b", "/{name}", "/a\n", 7, None])
def test_what_is_no_path_is_a_mistake(module: qsdb.Module, path: Any) -> None:
    module.http("GET", path)(hook)

    assert mistakes(module) == [
        f"http GET {path!r}: a path is empty, or / and then a-z 0-9 - _ ~ /"
    ]


@pytest.mark.parametrize("method", ["get", "TRACE", "", None, ["GET"]])
def test_what_is_no_method_is_a_mistake(module: qsdb.Module, method: Any) -> None:
    module.http(method, "/a")(hook)

    [found] = mistakes(module)
    assert "the method is one of GET, HEAD, POST, PUT, DELETE, OPTIONS, " in found


@pytest.mark.parametrize(
    ("first", "second"), [("GET", "GET"), ("ANY", "GET"), ("GET", "ANY")]
)
def test_a_request_has_one_answer(module: qsdb.Module, first: str, second: str) -> None:
    module.http(first, "/a")(hook)
    module.http(second, "/a")(slow)

    assert mistakes(module) == [
        f"http {second} '/a': hook answers {first} '/a' already"
    ]


def test_two_handlers_have_two_names(module: qsdb.Module) -> None:
    def other(_: ProcedureContext, __: HttpRequest) -> HttpResponse:
        return HttpResponse()

    other.__name__ = "hook"
    module.http("GET", "/a")(hook)
    module.http("GET", "/b")(other)

    assert mistakes(module) == ["http GET '/b': there is another handler hook"]


def rows(_: ProcedureContext, __: HttpRequest) -> Iterator[HttpResponse]:
    yield HttpResponse()


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (rows, "procedure rows|is a generator"),
        (7, "a procedure is a function"),
        (lambda _, __: None, "needs a name"),
        (lambda _: None, "must take the context"),
        (lambda _, __, ___: None, "the context and a request, by place"),
    ],
)
def test_what_is_no_handler_is_a_mistake(
    module: qsdb.Module, function: Any, text: str
) -> None:
    module.http("GET", "/a")(function)

    with pytest.raises(qsdb.SchemaError, match=text):
        module.compiled()


def test_a_mounted_module_answers_no_http(module: qsdb.Module) -> None:
    inner = qsdb.Module("inner")
    inner.http("GET", "/a")(hook)
    module.mount("inner", inner)

    assert mistakes(module) == ["mount inner: only the outermost module answers HTTP"]

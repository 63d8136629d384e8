"""Calls of reducers and procedures: arguments as JSON, and what came of it.

===========================  ====================================================
status
===========================  ====================================================
200                          a reducer has committed; with the value of a
                             procedure as JSON
400                          the arguments do not fit
403                          ``client_connected`` refuses
404                          there is no such function, for whoever asks
415                          the body is not said to be JSON
530                          the function refuses (`ReducerError`), or has failed
===========================  ====================================================
"""

from typing import NoReturn

from starlette.responses import Response

from qsdb.codec.sats_json import json_writer
from qsdb.errors import ArgumentError, ReducerError, StorageError
from qsdb.runtime.callers import Caller
from qsdb.schema.functions import Reducer
from qsdb.schema.procedures import Procedure
from qsdb.server.exits import FAILURES
from qsdb.server.http.bodies import json_response
from qsdb.server.http.endpoints import Guest
from qsdb.server.http.refusals import FUNCTION_FAILED, Refusal
from qsdb.server.http.visiting import settle, visit
from qsdb.server.json_arguments import arguments_reader
from qsdb.server.texts import failure_text, shown_name
from qsdb.values.kinds import MismatchError

__all__ = ["call"]

Function = Reducer | Procedure


async def call(guest: Guest) -> Response:
    """Run a function, and give what it gives."""
    kind = guest.request.headers.get("content-type", "")
    if kind.partition(";")[0].strip().lower() != "application/json":
        raise Refusal(415, "arguments are JSON, and the header content-type says so")
    function = _find(guest, guest.request.path_params["function"])
    is_confirmed = guest.flag("confirmed")
    desk = guest.desk
    body = await desk.read_body(guest.request, desk.options.body_bytes_max)

    def work() -> Response:
        return _called(guest, function, body, is_confirmed=is_confirmed)

    may_wait = isinstance(function, Procedure)
    return await guest.desk.run(guest.served, work, may_wait=may_wait)


def _find(guest: Guest, name: str) -> Function:
    """Give the function of a name.

    Raises:
        Refusal: there is none, or it is not for them, which is told alike.
    """
    module = guest.served.access.module
    found: Function | None = module.reducers.get(name) or module.procedures.get(name)
    if found is not None and (guest.is_owner or not found.is_private):
        return found
    turns = {each.name for each in module.lifecycle.values()}
    if guest.is_owner and name in turns:
        raise Refusal(400, f"{name} is run at a turn of a database's life, by no call")
    raise Refusal(404, f"no such reducer or procedure: {shown_name(name)}")


def _called(
    guest: Guest, function: Function, body: bytes, *, is_confirmed: bool
) -> Response:
    """Call a function, on this thread."""
    bytes_max = guest.desk.options.body_bytes_max
    try:
        read = arguments_reader(function.parameters, bytes_max=bytes_max)
        values = read(body)
    except ArgumentError as error:
        raise Refusal(400, str(error)) from None
    calls = guest.served.access.calls
    began = calls.meters.ticks()
    with visit(guest) as caller:
        result = _result(guest, caller, function, values)
    if is_confirmed:
        settle(guest)
    response = _response(guest, function, result)
    micros = (calls.meters.ticks() - began) // 1000
    response.headers["spacetime-energy-used"] = "0"
    response.headers["spacetime-execution-duration-micros"] = str(micros)
    return response


def _result(
    guest: Guest, caller: Caller, function: Function, values: tuple[object, ...]
) -> object:
    try:
        return caller.call(function.name, *values)
    except ReducerError as error:
        raise Refusal(FUNCTION_FAILED, str(error)) from None
    except FAILURES as error:
        _refuse(guest, function, error)


def _refuse(guest: Guest, function: Function, error: BaseException) -> NoReturn:
    access = guest.served.access
    if access.calls.writer.directory.store.is_closed:
        raise error
    status = 500 if isinstance(error, StorageError) else FUNCTION_FAILED
    text = failure_text(
        guest.served.logged, function.name, error, is_owner=guest.is_owner
    )
    raise Refusal(status, text) from None


def _response(guest: Guest, function: Function, result: object) -> Response:
    """Give what a procedure gave; nothing of a reducer."""
    if isinstance(function, Reducer):
        return Response()
    binding = function.returns
    if binding is None:
        return json_response([])
    try:
        stored = binding.kind.canonical(binding.enter(result))
    except MismatchError as mismatch:
        fault = TypeError(f"it gave {result!r}, which is not {mismatch.admitted}")
        _refuse(guest, function, fault)
    return json_response(json_writer(binding.kind, named=False)(stored))

"""What must hold under a real ``python -O``.

    python -O -m tests.support.smoke

It checks without ``assert``, which is off there. The suite itself runs without
qsdb's asserts by way of `tests.support.optimized`; this is for what only the
real switch shows, such as code that is made at run time.
"""

import contextlib
from collections.abc import Iterator

import qsdb


class SmokeError(Exception):
    """Something does not hold under ``python -O``."""


def expect(value: object, wanted: object) -> None:
    """Compare, with the asserts off."""
    if value != wanted:
        raise SmokeError(f"{value!r} is not {wanted!r}")


@contextlib.contextmanager
def expect_error(error: type[Exception]) -> Iterator[None]:
    """Have the block raise `error`."""
    try:
        yield
    except error:
        return
    raise SmokeError(f"no {error.__name__} was raised")


def main() -> None:
    """Insert, refuse, roll back and read."""
    if __debug__:
        raise SmokeError("the asserts are on: start with python -O")
    chat = qsdb.Module("chat")

    class User(qsdb.Row, module=chat, public=True):
        id: qsdb.u8 = qsdb.primary_key(auto_inc=True)
        name: str = qsdb.unique()

    @chat.reducer
    def join(ctx: qsdb.ReducerContext, name: str) -> qsdb.u8:
        user = ctx.db[User].insert(User(name=name))
        if not name:
            raise qsdb.ReducerError("no name")
        return user.id

    with qsdb.Database(chat) as db:
        expect(db.call(join, "ada"), 1)
        with expect_error(qsdb.UniqueError):
            db.call(join, "ada")
        with expect_error(qsdb.ReducerError):
            db.call(join, "")
        with expect_error(qsdb.ArgumentError):
            db.call("join")
        with db.write() as tx:
            with expect_error(qsdb.KindError):
                tx[User].insert(User(name="bob").replace(id=256))
            expect(tx[User].insert(User(name="cy")).name, "cy")
        with db.read() as reading:
            expect(sorted(user.name for user in reading[User]), ["ada", "cy"])
            with expect_error(qsdb.ReadOnlyError):
                reading[User].clear()
        with expect_error(qsdb.ClosedError):
            len(reading[User])
        db.check()
    with expect_error(qsdb.ClosedError):
        db.read()


if __name__ == "__main__":
    main()

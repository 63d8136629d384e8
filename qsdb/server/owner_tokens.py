"""Tokens for the owners of databases, in files that only the operator reads.

Each database has an owner, whose identity is nobody's: it was made with the database.
Whoever starts a server is to act as that owner. So there is a file for each database,
``chat.owner-token``, in the directory of the server; what is in it is shown as any
other token: ``Authorization: Bearer …``.

A file is written anew where what is in it does not do any more: the server has another
key, or the database another owner, as one in memory has each time.
"""

from qsdb.errors import AccessError, StorageError
from qsdb.files import Directory
from qsdb.log.whole_files import read_file, write_file
from qsdb.server.authority import Authority
from qsdb.server.hosts import Host, Served

__all__ = ["OWNER_TOKEN", "write_owner_tokens"]

OWNER_TOKEN = ".owner-token"  # noqa: S105  what the names of the files end in
_TOKEN_BYTES_MAX = 8192


def write_owner_tokens(
    directory: Directory, host: Host, authority: Authority
) -> dict[str, str]:
    """Have a token for the owner of each database in a file; they are on the disk then.

    Returns:
        Name of the database → path of the file, for the operator.

    Raises:
        StorageError: the system refuses.
    """
    try:
        directory.make_directory()
        for served in host:
            name = f"{served.name}{OWNER_TOKEN}"
            if not _does(directory, name, served, authority):
                token = authority.owner_token(served.database.owner)
                data = f"{token}\n".encode()
                write_file(directory, name, data, private=True)
        directory.sync()
    except OSError as error:
        raise StorageError(
            f"{directory.describe()}: the tokens of owners cannot be kept there: "
            f"{error}"
        ) from None
    return {each.name: directory.describe(f"{each.name}{OWNER_TOKEN}") for each in host}


def _does(
    directory: Directory, name: str, served: Served, authority: Authority
) -> bool:
    """Whether a file holds a token with which somebody is the owner."""
    if not directory.exists(name):
        return False
    text = read_file(directory, name, _TOKEN_BYTES_MAX).decode("ascii", "replace")
    try:
        found = authority.admit_own(text.strip())
    except AccessError:
        return False
    return found is not None and found.identity == served.database.owner

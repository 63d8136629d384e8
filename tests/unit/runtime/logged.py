"""What a database in a simulated directory has logged."""

import qsdb
from qsdb.log.records import Record, read_record
from qsdb.log.scanning import scan_segment
from qsdb.log.segments import segment_name
from qsdb.runtime.storage import Storage
from qsdb.testing import SimulatedDirectory

__all__ = ["records_of"]


def records_of(disk: SimulatedDirectory, db: qsdb.Database) -> list[Record]:
    """Give all records of a log that has one segment."""
    storage = db._storage
    assert isinstance(storage, Storage)
    scan = scan_segment(
        disk.open(segment_name(1)),
        "log",
        database=storage.database,
        first_offset=1,
        chain=0,
        is_last=True,
    )
    return [read_record(record) for _, records in scan for record in records]

"""The one error family of Guatu, and the findings about rows.

* GuatuError
  x CrsError          a coordinate system is missing, unknown or not to be trusted
  x GeometryError     a geometry that cannot be worked with reached a calculation
  x FileError         a file given to us cannot be used as a whole
    + FormatError     it is not of an accepted format, or not what its name says
      - RulesError    it holds a city's own rules (scores, standards, timetable), and not as it must
    + HeadingError    a heading that must be there is missing, or is given twice
  x StoreError        the store cannot be opened or written
    + StoreBusyError  another process holds the store for too long
  x RequestError      a filter, field, layer, date or name that does not exist
    + NotFoundError   nothing is known under this code
    + ConflictError   somebody else changed it after it was read
  x PermissionError_  this person may not do that
  x CheckError        figures that must agree do not

A text is an English template with ``%(name)s`` places: it is also the key under which
its translation is looked up, so the edge (command line or web) can say it in the
user's language. Only the edge knows HTTP.
"""

from typing import NamedTuple


class GuatuError(Exception):
    """Something the user can mend, said in one line.

    ``text`` is the template (and translation key), ``values`` what fills its places.

    >>> str(GuatuError("No layer is called %(layer)s.", layer="roads"))
    'No layer is called roads.'
    """

    def __init__(self, text: str, /, **values: object) -> None:
        super().__init__(text % values if values else text)
        self.text = text
        self.values = values


class CrsError(GuatuError):
    """A coordinate system is missing, unknown or cannot be trusted."""


class GeometryError(GuatuError):
    """A geometry that cannot be worked with reached a calculation."""


class FileError(GuatuError):
    """A file given to us cannot be used as a whole."""


class FormatError(FileError):
    """The file is not of an accepted format, or is not what its name says."""


class RulesError(FormatError):
    """A city's own rules (scores, standards, timetable) are not as they must be."""


class HeadingError(FileError):
    """A heading that must be there is missing, or is given twice."""


class StoreError(GuatuError):
    """The store cannot be opened or written."""


class StoreBusyError(StoreError):
    """Another process holds the store for too long."""


class RequestError(GuatuError):
    """A filter, field, layer, date or name that does not exist was asked for."""


class NotFoundError(RequestError):
    """Nothing is known under the code that was asked for."""


class ConflictError(RequestError):
    """Somebody else changed it after it was read."""


class PermissionError_(GuatuError):
    """The person may not do what was asked."""


class CheckError(GuatuError):
    """Figures that must agree do not: what was made of them is not handed out."""


class Finding(NamedTuple):
    """One thing noticed about one row of a file.

    ``row`` counts the file's data rows from 1 (0: the file as a whole), ``field`` is our
    field's name ("" for the row as a whole, "geometry" for its shape), ``code`` the kind of
    finding, ``severity`` one of ``set_aside`` (the row is not stored), ``unknown`` (the value
    is stored as unknown), ``repaired`` and ``note``; ``detail`` is what was found there.
    """

    row: int
    field: str
    code: str
    severity: str
    detail: str = ""

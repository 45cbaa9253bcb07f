"""What is counted where a tile holds too many compounds to draw each: classes of a colouring, on a day."""

from datetime import date

from geo import attributes
from geo.attributes import Column
from layers import classes
from layers.kept import Kept
from layers.people import Person, visible
from layers.picture import Picture
from layers.querying import FILTERS
from layers.store import Store

_kept: Kept[Column] = Kept(64)


def counted_classes(still: Store, person: Person, drawn: Picture, colouring: str, on: date) -> Column:
    """Return the class of every compound of a picture by a colouring on a day, which may be another one.

    Args:
        still: what ``Store.still`` gave; the picture is of the same state.
        person: of whose sight the picture is.
        drawn: a picture of the compounds.
        colouring: one of ``classes.COLOURINGS``.
        on: as of which day.
    """
    # Rows keep their numbers until the picture is read anew.
    sight = visible(person, "illegal_structures").kind
    asked = (sight, colouring, on, drawn.ordered, drawn.many)

    def make() -> Column:
        of = classes.classes_of_all(still, person, colouring, on)
        return attributes.column("class", [of.get(code) for code in drawn.codes.texts()])

    return _kept.of(still, tuple(FILTERS), asked, make)

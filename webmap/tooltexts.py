"""What the map's tools say: search, what lies here, measuring, sharing, the picture and the list."""

from flask_babel import gettext


def texts() -> dict[str, str]:
    """Return the texts of the tools of the map's script, in the reader's language."""
    return _finding() | _measuring() | _keeping()


def _finding() -> dict[str, str]:
    return {
        "nothing": gettext("Nothing is called so, by name, pinyin, code or address."),
        "more": gettext("There are more; type more of the name."),
        "places": gettext("Go to the place"),
        "outside": gettext("These coordinates lie outside the district in every system."),
        "here": gettext("What lies here"),
        "copy": gettext("Copy"),
        "copied": gettext("Copied."),
        "not_copied": gettext("This browser did not let it be copied; here it is to be copied by hand:"),
        "nothing_here": gettext("Nothing on record lies here."),
        "more_here": gettext("There are more; look closer."),
        "no_office": gettext("no street office"),
        "away": gettext("%(metres)s m away"),
        "reaches": gettext("reaches %(radius)s m"),
        "crosshair": gettext("Enter tells what lies under the cross."),
        "close": gettext("Close"),
    }


def _measuring() -> dict[str, str]:
    return {
        "measure": gettext("Measure distance and area"),
        "measure_how": gettext("Press on the map for each point, or Enter for the cross."),
        "measure_end": gettext("End measuring"),
        "distance": gettext("Distance"),
        "ground": gettext("Area enclosed"),
        "undo": gettext("Undo"),
        "clear": gettext("Clear"),
        "point": gettext("Point %(number)s: arrow keys move it, Delete takes it away"),
        "mu": gettext("mu"),
        "geodesic": gettext("Geodesic on the ellipsoid of CGCS2000"),
    }


def _keeping() -> dict[str, str]:
    return {
        "share": gettext("Copy a link to this view"),
        "link_copied": gettext("The link to this view is copied."),
        "picture": gettext("Save this view as a picture (PNG)"),
        "saved": gettext("The picture is saved."),
        "saved_bare": gettext("The picture is saved without the base map: its server does not allow it."),
        "tools": gettext("Tools"),
        "source": gettext("Source: record of the district, Guatu"),
        "internal": gettext("Internal use"),
        "drawn": gettext("Drawn"),
        "as_of": gettext("As of"),
        "code": gettext("Code"),
        "list_copied": gettext("The table is copied: %(rows)s rows."),
    }

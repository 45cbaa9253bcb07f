"""What people see. Turns requests into questions to the lower rooms, and answers into pages."""

from flask import Flask
from flask_babel import Babel
from flask_compress import Compress

from webmap import (
    access,
    assessment,
    basemap,
    charting,
    districtmap,
    downloads,
    duties,
    dutycommands,
    editions,
    finding,
    forms,
    gaplayer,
    granting,
    keeping,
    lasting,
    mapdays,
    palette,
    planning,
    repeating,
    statistics,
    statuses,
    tiles,
    timetable,
    uploads,
    wallmap,
    wording,
    words,
)

BLUEPRINTS = tuple(
    module.blueprint
    for module in (
        basemap,
        districtmap,
        mapdays,
        gaplayer,
        finding,
        duties,
        dutycommands,
        editions,
        timetable,
        planning,
        statistics,
        assessment,
        charting,
        uploads,
        downloads,
        wallmap,
        keeping,
        granting,
        tiles,
        statuses,
    )
)

COMPRESSED = [
    "text/html",
    "text/css",
    "text/javascript",
    "image/svg+xml",
    "application/json",
    "application/problem+json",
    "application/geo+json",
]


def register(app: Flask) -> None:
    """Give the app its pages and commands, their languages and the headers of every answer."""
    # The language is chosen by the reader, never by the settings of the browser.
    Babel(app, default_locale=words.DEFAULT_LANGUAGE, locale_selector=access.asked_language)
    app.config.setdefault("COMPRESS_MIMETYPES", COMPRESSED)
    # Fast first: the answers are made anew at every change, and the network is near.
    app.config.setdefault("COMPRESS_ALGORITHM", ["gzip"])
    app.config.setdefault("COMPRESS_ALGORITHM_STREAMING", ["gzip"])
    Compress(app)
    app.jinja_env.globals["palette"] = palette
    app.jinja_env.globals["chosen_basemap"] = basemap.chosen
    words.install(app)
    wording.install(app)
    access.install(app)
    forms.install(app)
    statuses.install(app)
    lasting.install(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    repeating.install(app)

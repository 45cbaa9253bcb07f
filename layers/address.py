"""The address of a store, as it may be shown."""

import re


def address_shown(url: str) -> str:
    """Return the address of a store as it may be shown: without its password.

    >>> address_shown("postgresql+psycopg://guatu:s3@cret@db.local/district?password=x&sslmode=require")
    'postgresql+psycopg://guatu:***@db.local/district?password=***&sslmode=require'
    """
    shown = re.sub(r"^([a-z0-9+]*:(?://)?[^:/?@]*):.*@", r"\1:***@", url)
    return re.sub(r"(password=)[^&]*", r"\1***", shown)

"""How the command line speaks: help and errors in the user's language, one line an error.

A command is an ordinary function; ``cls=Command`` gives it the store's application, turns a
GuatuError into one line and exit status 1, and translates its help.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from flask import current_app
from flask.cli import ScriptInfo
from flask_babel import force_locale, gettext

from geo.errors import GuatuError
from webmap.words import told


@contextmanager
def _speaking(context: click.Context) -> Iterator[None]:
    """Work inside the application, in the language of the terminal."""
    app = context.ensure_object(ScriptInfo).load_app()
    with app.app_context(), force_locale(app.config["CLI_LANGUAGE"]):
        yield


class Command(click.Command):
    """A command whose help is translated and whose errors are one line."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Take over what was typed; what cannot be understood is one line, and status 1."""
        try:
            return super().parse_args(context, args)
        except click.UsageError as error:
            with _speaking(context):
                click.echo(_misunderstood(error, context.command_path), err=True)
            context.exit(1)

    def invoke(self, context: click.Context) -> object:
        """Run the command; a GuatuError is said on standard error and ends with status 1."""
        with _speaking(context):
            try:
                return super().invoke(context)
            except GuatuError as error:
                click.echo(told(error), err=True)
                context.exit(1)
            except KeyboardInterrupt:
                click.echo(gettext("Stopped. What was not finished is not in the store."), err=True)
                context.exit(130)

    def get_short_help_str(self, limit: int = 45) -> str:
        """Return the line that lists of commands show: the first sentence, whole."""
        with _speaking(click.get_current_context()):
            return re.split(r"(?<=[.。]) ?", self._translated(), maxsplit=1)[0]

    def format_help(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help page in the user's language."""
        with _speaking(context):
            super().format_help(context, formatter)

    def get_help_option(self, context: click.Context) -> click.Option:
        """Return the option that shows the help, itself translated."""
        option = super().get_help_option(context)
        if not isinstance(option, Option):
            names = self.get_help_option_names(context)
            option = Option(
                names,
                is_flag=True,
                is_eager=True,
                expose_value=False,
                callback=option.callback,
                help="Show this message and exit.",
            )
            self._help_option = option
        return option

    def format_usage(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write how the command is typed."""
        pieces = " ".join(self.collect_usage_pieces(context))
        formatter.write_usage(context.command_path, pieces, prefix=gettext("Usage:") + " ")

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options."""
        options = [option for option in self.get_params(context) if isinstance(option, click.Option)]
        records = [option.get_help_record(context) for option in options]
        with formatter.section(gettext("Options")):
            formatter.write_dl([record for record in records if record])

    def format_help_text(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what the command does."""
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(self._translated())

    def _translated(self) -> str:
        return gettext(" ".join((self.help or "").split()))


def _misunderstood(error: click.UsageError, command: str) -> str:
    """Return, in the user's language, what of the typed command was not understood."""
    if isinstance(error, click.NoSuchOption):
        name = error.option_name
        return gettext("There is no option %(name)s; see %(command)s --help.", name=name, command=command)
    if isinstance(error, click.BadParameter) and error.param is not None:
        name = error.param.get_error_hint(error.ctx)
        if isinstance(error, click.MissingParameter):
            return gettext("%(name)s is missing; see %(command)s --help.", name=name, command=command)
        return gettext(
            "%(name)s is not what it must be (%(kind)s); see %(command)s --help.",
            name=name,
            kind=error.param.make_metavar(error.ctx),
            command=command,
        )
    reason = error.message.rstrip(".")
    return gettext(
        "That was not understood (%(reason)s); see %(command)s --help.", reason=reason, command=command
    )


class Option(click.Option):
    """An option whose help is translated."""

    def get_help_record(self, context: click.Context) -> tuple[str, str] | None:
        """Return the option's line of the help page."""
        record = super().get_help_record(context)
        return record and (record[0], gettext(self.help) if self.help else record[1])


def tell(text: str, **values: object) -> None:
    """Print a text in the user's language; ``text`` is its English template."""
    click.echo(gettext(text, **values) if values else gettext(text))


def step(name: str) -> None:
    """Tell, on standard error, that a step of a long work begins."""
    click.echo("· " + gettext(STEPS.get(name, name)), err=True)


#: What the steps of a load are called.
STEPS = {
    "read": "Reading the file",
    "check": "Checking the rows",
    "store": "Writing the rows",
    "assign": "Assigning the sites to street offices",
    "compounds": "Assigning the compounds",
    "illegal_structures": "Assigning the illegal structures",
    "facilities": "Assigning the facilities",
    "coverage": "Working out who is served",
}


def data_folder(*parts: str) -> Path:
    """Return a folder below the data folder."""
    return current_app.config["DATA"].joinpath(*parts)

"""The ``gjovik`` command: composes the packages' sub-commands, nothing else.

Exit codes: 0 done, 1 found a problem, 2 wrong usage or settings.
"""

from collections.abc import Iterator

import typer
import typer.core

import dashboards.cli
import ingest.cli
import simulators.bench.plot_cli
import simulators.bench.reference_cli
import simulators.bench.scale_cli
import simulators.bench.stages_cli
import simulators.bench_cli
import simulators.cli
import simulators.demo_cli
import simulators.soak_cli
from ingest.command_line import GroupWithJson

app = typer.Typer(
    name="gjovik",
    cls=GroupWithJson,
    help="An open sensor platform for municipalities.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)
ingest.cli.add_commands(app)
simulators.cli.add_commands(app)
simulators.demo_cli.add_commands(app)
simulators.soak_cli.add_commands(app)
simulators.bench.plot_cli.add_commands(simulators.bench_cli.app)
simulators.bench.reference_cli.add_commands(simulators.bench_cli.app)
simulators.bench.scale_cli.add_commands(simulators.bench_cli.app)
simulators.bench.stages_cli.add_commands(simulators.bench_cli.app)
app.add_typer(simulators.bench_cli.app, name="bench")
app.add_typer(dashboards.cli.app, name="dashboards")


def main() -> None:
    """Run the command line."""
    app()


def list_commands() -> dict[str, typer.core.TyperCommand]:
    """Return every command that does something, by its full name."""

    def walk(name: str, command: object) -> Iterator[tuple[str, typer.core.TyperCommand]]:
        if isinstance(command, typer.core.TyperGroup):
            for child, sub in sorted(command.commands.items()):
                yield from walk(f"{name} {child}", sub)
        elif isinstance(command, typer.core.TyperCommand):
            yield name, command

    return dict(walk("gjovik", typer.main.get_command(app)))


def describe_commands() -> str:
    """Return the reference page of every command, in Markdown."""
    lines = [
        "<!-- Made by deploy/generate.py; change the code, not this page. -->",
        "",
        "# Commands",
        "",
        "Exit codes: 0 done, 1 found a problem, 2 wrong usage or settings. Where `--json` is a switch, an error is",
        '`{"error": "..."}` on standard output with it; people read it on standard error.',
        "",
    ]
    for name, command in list_commands().items():
        lines += [f"## {name}", "", command.help or "", "", "| option | default | meaning |", "| --- | --- | --- |"]
        lines += [_describe_parameter(parameter) for parameter in command.params]
        lines.append("")
    return "\n".join(lines)


def _describe_parameter(parameter: object) -> str:
    if isinstance(parameter, typer.core.TyperArgument):
        return f"| `{(parameter.name or '').upper()}` | | {parameter.help or ''} |"
    if isinstance(parameter, typer.core.TyperOption):
        names = ", ".join([*parameter.opts, *parameter.secondary_opts])
        default = "" if parameter.default in (None, False, "") or parameter.required else f"`{parameter.default}`"
        return f"| `{names}` | {default} | {parameter.help or ''} |"
    return ""


if __name__ == "__main__":
    main()

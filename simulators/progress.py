"""Progress: a bar for people at a terminal, nothing in a pipe."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from simulators.publisher import find_cause

REFRESH_S = 0.25


@asynccontextmanager
async def show_progress(console: Console, title: str, total: int, count: Callable[[], int]) -> AsyncIterator[None]:
    """Show how far a run is while the block lasts.

    Args:
        console: Where to; when it is no terminal nothing is shown.
        title: What is being done.
        total: When it is done; 0 shows nothing.
        count: Gives how much of it is.
    """
    if not console.is_terminal or not total:
        yield
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:.0f}/s"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(title, total=total, rate=0.0)
        try:
            async with asyncio.TaskGroup() as group:
                follower = group.create_task(_follow(bar, task, total, count), name="progress")
                yield
                follower.cancel()
        except ExceptionGroup as errors:
            raise find_cause(errors) from None
        bar.update(task, completed=min(total, count()))


async def _follow(bar: Progress, task: TaskID, total: int, count: Callable[[], int]) -> None:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    while count() < total:
        await asyncio.sleep(REFRESH_S)
        bar.update(task, completed=min(total, count()), rate=count() / (loop.time() - begun))

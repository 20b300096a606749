"""Between the event loop and the writer's thread: one job in, one `call_soon_threadsafe` out."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

Job = tuple[Callable[[Any], Any], Any, "asyncio.Future[Any]", asyncio.AbstractEventLoop]


def answer(job: Job, result: Any, error: BaseException | None) -> None:
    """Hand the outcome over to the event loop that waits for it."""
    _, _, future, loop = job
    with contextlib.suppress(RuntimeError):  # a closed loop: nobody waits any more
        loop.call_soon_threadsafe(_settle, future, result, error)


def _settle(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.done():  # the caller was cancelled; the outcome is in the store
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)

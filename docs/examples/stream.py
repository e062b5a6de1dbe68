"""Watch accounts while prices stream in.

One task reads frames into a queue, another applies what waits there: all of it in one call, made in a thread, so that
the loop goes on meanwhile. The queue is bounded: where frames come faster than they are applied, the reader is held
back instead of the memory filling up. Frames that waited are not merged; each has its events.
"""

import asyncio
from collections.abc import AsyncIterator
from itertools import accumulate

import crossmargin as xm

MOST = 256
"""Frames that wait, and that are applied in one call."""

Frame = tuple[int, dict[str, float]]


async def recorded() -> AsyncIterator[Frame]:
    """Stand in for a venue's stream: a time in nanoseconds, and the marks that are new."""
    for step in range(1_000):
        if step % 100 == 0:
            await asyncio.sleep(0.001)  # they come in bursts
        fall = 9_900.0 * step / 1_000
        name, price = ("BTCUSDT", 60_000.0 - fall) if step % 2 == 0 else ("ETHUSDT", 2_500.0 + fall / 100)
        yield 1_727_769_600_000_000_000 + step * 1_000_000, {name: price}


async def read(frames: AsyncIterator[Frame], queue: asyncio.Queue[Frame | None]) -> None:
    """Put frames into the queue as they come, and then the end."""
    async for frame in frames:
        await queue.put(frame)
    await queue.put(None)


async def waiting(queue: asyncio.Queue[Frame | None]) -> tuple[list[Frame], bool]:
    """Take what is in the queue, one frame at least; and say whether there will be more."""
    batch = [await queue.get()]
    while len(batch) < MOST and not queue.empty():
        batch.append(queue.get_nowait())
    return [frame for frame in batch if frame is not None], None not in batch


def apply(monitor: xm.Monitor, batch: list[Frame]) -> xm.Events:
    """Apply frames in one call."""
    marks = [mark for _, mark in batch]
    prices = {
        "name": [name for mark in marks for name in mark],
        "price": [price for mark in marks for price in mark.values()],
    }
    return monitor.update_many(prices, ends=list(accumulate(map(len, marks))), time=[time for time, _ in batch])


async def watch(monitor: xm.Monitor, frames: AsyncIterator[Frame]) -> None:
    """Apply frames until they end, and say what changed."""
    queue: asyncio.Queue[Frame | None] = asyncio.Queue(MOST)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(read(frames, queue))
        more = True
        while more:
            batch, more = await waiting(queue)
            for event in await asyncio.to_thread(apply, monitor, batch):
                print(event.time, event.account, event.alert, event.level, event.change, event.cause_name)


def main() -> None:
    """Watch a small book."""
    market = xm.load_market("binance-usdm", as_of="2024-10-01")
    book = xm.Book(
        market,
        balances={"account": ["ann", "bob"], "asset": ["USDT", "USDT"], "wallet_balance": [2_000.0, 9_000.0]},
        positions=[
            {"account": "ann", "instrument": "BTCUSDT", "quantity": 0.2, "entry_price": 60_000.0},
            {"account": "bob", "instrument": "ETHUSDT", "quantity": -20.0, "entry_price": 2_500.0},
        ],
    )
    monitor = xm.Monitor(book, market.prices(mark={"BTCUSDT": 60_000.0, "ETHUSDT": 2_500.0}))
    asyncio.run(watch(monitor, recorded()))
    print(monitor.frame, "frames applied")


if __name__ == "__main__":
    main()

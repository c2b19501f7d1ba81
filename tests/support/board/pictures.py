"""`python -m support.board.pictures DIRECTORY` writes pictures of the board on a bad day, for docs/board.md and to be looked at."""

import asyncio
import sys
from pathlib import Path

from support.board import objects
from support.board.chromium import chromium
from support.board.server import BoardServer

LIVE = "document.getElementById('live').dataset.state === 'live'"


async def take(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    with BoardServer(objects.events()) as board:
        async with chromium() as browser:
            for name, path, size, dark, whole in (
                ("board.jpeg", "", (1180, 800), False, False),
                ("brand.jpeg", "/brands/drumeo", (1180, 1180), True, False),
                ("board-light.png", "", (1280, 860), False, False),
                ("board-dark.png", "", (1280, 860), True, False),
                ("board-phone.png", "", (390, 844), False, True),
                ("brand-light.png", "/brands/drumeo", (1280, 860), False, True),
                ("brand-dark-phone.png", "/brands/drumeo", (390, 844), True, True),
                ("reason-phone.png", "/reasons/CrashLoopBackOff", (390, 844), False, False),
            ):
                page = await browser.page()
                await page.looks(*size, dark=dark, phone=size[0] < 500)
                await page.open(board.url + path)
                if not name.startswith("reason"):
                    await page.until(LIVE)
                await page.picture(directory / name, whole=whole)
    with BoardServer(objects.events(), "a token that nobody guesses") as board:
        async with chromium() as browser:
            page = await browser.page()
            await page.looks(1280, 700)
            await page.open(board.url)
            await page.picture(directory / "login.png")


if __name__ == "__main__":
    asyncio.run(take(Path(sys.argv[1])))

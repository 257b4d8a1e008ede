"""An MCP server on stdio for the tests; it prints where a careless library would."""

import asyncio

from protocol_interface.mcp_server import run_stdio
from shared.models import Question
from tests.protocol_interface.notebook import Notebook


class Chatty(Notebook):
    async def start(self, question: Question) -> str:
        print("a library prints to stdout")
        return await super().start(question)


async def main() -> None:
    await run_stdio(Chatty())


if __name__ == "__main__":
    asyncio.run(main())

"""Reading files again while serving: rules, SLOs, and what is scraped."""

import asyncio
import logging

from vario.alert.scheduler import RuleScheduler
from vario.app.scrape import read_scrape_config
from vario.app.slos import RuleBook
from vario.errors import BadData
from vario.ingest.scrape.scraper import Scraper

log = logging.getLogger(__name__)


class Reloader:
    """Takes up changed files, one reload after the other."""

    def __init__(
        self, book: RuleBook, rules: RuleScheduler, scraper: Scraper, prometheus_yml: str
    ) -> None:
        self._book = book
        self._rules = rules
        self._scraper = scraper
        self._prometheus_yml = prometheus_yml
        self._turn = asyncio.Lock()

    async def reload(self) -> None:
        """Evaluates and scrapes by the files as they are now.

        Raises:
            BadData: what is wrong in them; what cannot be used stays as it was, the rest is taken
                up.
        """
        faults: list[str] = []
        async with self._turn:
            try:
                await asyncio.to_thread(self._book.reload, self._rules)
            except BadData as error:
                faults.append(f"rules and SLOs are not reloaded:\n{error}")
            try:
                config = await asyncio.to_thread(read_scrape_config, self._prometheus_yml)
                await self._scraper.reload(config)
            except BadData as error:
                faults.append(f"what is scraped is not reloaded:\n{error}")
        for fault in faults:
            log.warning("%s", fault)
        if faults:
            raise BadData("\n".join(faults))

"""Scraping at start: the prometheus.yml is read before anything is opened."""

import logging
from pathlib import Path

from vario.clock import Clock
from vario.ingest.remote_pipeline import RemotePipeline
from vario.ingest.scrape.config import ScrapeConfig
from vario.ingest.scrape.read_config import read_config
from vario.ingest.scrape.scraper import PipelineSink, Scraper

log = logging.getLogger(__name__)


def read_scrape_config(prometheus_yml: str) -> ScrapeConfig:
    """Returns what is to be scraped, nothing where no file is named; logs its warnings.

    Raises:
        BadData: a file cannot be read, or a value in it makes no sense.
    """
    if not prometheus_yml:
        return ScrapeConfig()
    config = read_config(Path(prometheus_yml))
    for warning in config.warnings:
        log.warning("%s", warning)
    return config


def make_scraper(config: ScrapeConfig, pipeline: RemotePipeline, clock: Clock) -> Scraper:
    """Returns a scraper that hands its samples to the pipeline; it is not started yet.

    Raises:
        BadData: certificates of a job cannot be read.
    """
    return Scraper(config, PipelineSink(pipeline), clock)

"""Scraping: targets out of a prometheus.yml, asked in turn, their samples to the store."""

"""The HTTP face: Prometheus' API, vario's own, and the built UI."""

"""Formats as pure functions and as data: bytes in, bytes or values out."""

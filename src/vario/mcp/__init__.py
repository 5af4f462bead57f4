"""What agents ask: read-only tools of the Model Context Protocol over vario's own API.

Every tool asks the HTTP API that the UI and the CLI ask, makes the answer small and says where it
came from. `door.py` serves them at `/mcp`, `vario mcp` on standard input and output.
"""

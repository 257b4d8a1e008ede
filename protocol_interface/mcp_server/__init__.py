"""LexiQuery as an MCP server: tools, resources and prompts over the Product, on streamable HTTP and on stdio.

Both protocol 2025-11-25 and 2026-07-28 are served on one endpoint. A tool's failure is a tool error (`isError`) with
our code, message and suggestion, and the problem detail in `_meta`.
"""

from protocol_interface.mcp_server.http import mount_mcp, open_paths
from protocol_interface.mcp_server.server import build_mcp, run_stdio

__all__ = ["build_mcp", "mount_mcp", "open_paths", "run_stdio"]

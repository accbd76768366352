"""What turns a graph into files."""

from mnc.backends.interface import API_VERSION, Backend, CFamily, Emission
from mnc.backends.registry import Entry, get, installed, names

__all__ = ["API_VERSION", "Backend", "CFamily", "Emission", "Entry", "get", "installed", "names"]

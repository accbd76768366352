"""How the command line looks: tables, progress, sizes.  Nothing here prints; `mnc.cli` does."""

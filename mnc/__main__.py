"""`python -m mnc` is `mnc`."""

from mnc.cli import main

main()

"""The commands that are longer than a few lines, one module each, and the modules that they share.

Like `mnc.cli`, which registers them, they may print; nothing else in mnc does.
"""

"""The syntax of mnc's network language, as data: `mnc.lark`."""

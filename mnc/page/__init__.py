"""The report of a compilation as a page to look at; it needs the packages of the extra `report`."""

"""The network as mnc sees it: types, layers, graphs."""

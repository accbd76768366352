"""Pictures of a compiled network, as text: SVG, HTML, and lines for a terminal."""

"""Curves as SVG files: small, without scripts, and readable by themselves."""

import re
from pathlib import Path

import pygal
from pygal.style import CleanStyle

from bench.figures import Curve


def draw(curve: Curve, folder: Path) -> Path:
    """Write the plot, and return where it is."""
    chart = pygal.XY(
        title=curve.title,
        x_title=curve.x,
        y_title=curve.y,
        style=CleanStyle(font_family="sans-serif"),
        width=640,
        height=400,
        dots_size=2,
        legend_at_bottom=True,
        js=(),
        disable_xml_declaration=True,
    )
    for name, points in curve.lines.items():
        chart.add(name, list(points))
    path = folder / f"{curve.name}.svg"
    text = str(chart.render(is_unicode=True))
    path.write_text(re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL) + "\n")
    return path

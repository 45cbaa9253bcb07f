"""The district's sheet as matplotlib and geopandas draw it, for bench_wallmap: run by a Python that has them.

The same map (backdrop, offices, compounds by stage with hatches, late outlines, numbers and names),
legend, scale bar and matrix, on A0 as PDF. Labels stand where they fall: nothing places them.
"""

import json
import sys
from pathlib import Path
from time import perf_counter

import geopandas
import matplotlib

matplotlib.use("pdf")
matplotlib.rcParams |= {"pdf.fonttype": 42, "axes.unicode_minus": False}
import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.font_manager import FontProperties  # noqa: E402
from matplotlib.patches import Patch, Rectangle  # noqa: E402

HATCH = {
    "blank": "",
    "dots": ".",
    "dense-dots": "..",
    "horizontal": "--",
    "vertical": "||",
    "diagonal": "//",
    "cross-hatch": "xx",
    "solid": "++",
}


def draw(layers: dict, told: dict, out: Path) -> None:
    """Draw the sheet and write it."""
    regular, bold = FontProperties(fname=told["font"]), FontProperties(fname=told["bold"])
    figure = plt.figure(figsize=(1189 / 25.4, 841 / 25.4))
    figure.text(0.02, 0.94, told["title"], fontproperties=bold, fontsize=100)
    axes = figure.add_axes((0.02, 0.15, 0.59, 0.72))
    backdrop, offices, compounds = (
        layers[name].to_crs(4548) for name in ("backdrop", "offices", "compounds")
    )
    for kind, part in backdrop.groupby("kind", sort=False):
        part.plot(ax=axes, color=part["colour"], linewidth=2 if kind == "road-minor" else 5)
    for hatch, part in compounds.groupby("hatch"):
        part.plot(ax=axes, color=part["colour"], hatch=HATCH[hatch], edgecolor="#16202a", linewidth=0.7)
    compounds[compounds["late"]].plot(ax=axes, facecolor="none", edgecolor="#c62828", linewidth=5)
    offices.boundary.plot(ax=axes, color="#3c4650", linewidth=2.5, linestyle="-.")
    for office in offices.itertuples():
        spot = office.geometry.representative_point()
        axes.annotate(office.name, (spot.x, spot.y), fontproperties=bold, fontsize=34, ha="center")
    for site in compounds[compounds["number"] > 0].itertuples():
        spot = site.geometry.centroid
        axes.annotate(f"{site.number} {site.name}", (spot.x, spot.y), fontproperties=bold, fontsize=15)
    west, _, south, _ = (*axes.get_xlim(), *axes.get_ylim())
    axes.add_patch(Rectangle((west + 200, south + 200), 1000, 60, color="black"))
    axes.set_axis_off()
    handles = [Patch(color=colour, label=f"{label} {count}") for label, colour, count in told["legend"]]
    axes.legend(handles=handles, prop=regular, fontsize=20, loc="lower right")
    sheet = figure.add_axes((0.62, 0.05, 0.36, 0.82))
    sheet.set_axis_off()
    matrix = sheet.table(cellText=told["rows"], colLabels=told["heads"], loc="upper left")
    for cell in matrix.get_celld().values():
        cell.set_text_props(fontproperties=regular, fontsize=19)
    matrix.scale(1, 4)
    figure.savefig(out)
    plt.close(figure)


def main() -> None:
    """Read the layers, draw the sheet so many times, say how long each took and how large it is."""
    folder, runs = Path(sys.argv[1]), int(sys.argv[2])
    layers = {
        name: geopandas.read_file(folder / f"{name}.gpkg") for name in ("backdrop", "offices", "compounds")
    }
    told = json.loads((folder / "told.json").read_text(encoding="utf-8"))
    seconds, out = [], folder / "peer.pdf"
    for _ in range(runs):
        began = perf_counter()
        draw(layers, told, out)
        seconds.append(perf_counter() - began)
    print(json.dumps({"seconds": seconds, "bytes": out.stat().st_size}))


if __name__ == "__main__":
    main()

"use strict";
(() => {
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const config = {displayModeBar: false, scrollZoom: false, doubleClick: false};

  const themed = (layout) => {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const axis = (own) => ({gridcolor: colour("--line"), linecolor: colour("--line"),
                            zerolinecolor: colour("--line"), fixedrange: true, exponentformat: "SI", ...own});
    return {...layout, xaxis: axis(layout.xaxis), yaxis: axis(layout.yaxis), autosize: true,
            paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", dragmode: false,
            hoverlabel: {bgcolor: colour("--panel"), font: {color: colour("--text")}},
            font: {family: getComputedStyle(document.body).fontFamily, color: colour("--text"),
                   size: 0.82 * parseFloat(style.fontSize)}};
  };

  const draw = () => {
    for (const [id, figure] of Object.entries(figures)) {
      const copy = JSON.parse(JSON.stringify(figure));
      Plotly.react(id, copy.data, themed(copy.layout), config);
    }
  };
  draw();
  dark.addEventListener("change", draw);

  const widths = new Map();
  const observer = new ResizeObserver((entries) => requestAnimationFrame(() => {
    for (const {target} of entries) {
      if (target.clientWidth && widths.get(target) !== target.clientWidth) {
        widths.set(target, target.clientWidth);
        Plotly.Plots.resize(target);
      }
    }
  }));
  for (const id of Object.keys(figures)) observer.observe(document.getElementById(id));
})();

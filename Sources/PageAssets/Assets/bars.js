// Bars: histograms, and a mean with its interval.

/**
 * A histogram of bins `{low, high, count, part}`; `part` (of count) is drawn darker.
 * `pick(bin)` makes the bars buttons.
 */
function histogram(label, bins, options = {}) {
  if (!bins.length) return nothing("Nothing to count.");
  const frame = h("div", { class: "chart", style: { "min-height": `${options.height ?? 130}px` } });
  let drawn = 0;
  new ResizeObserver(([entry]) => {
    const width = Math.round(entry.contentRect.width);
    if (width < 40 || width === drawn) return;
    drawn = width;
    frame.replaceChildren(drawBins(label, bins, width, options));
  }).observe(frame);
  return frame;
}

function drawBins(label, bins, width, { format = real, part, pick, look, height = 130 }) {
  const most = Math.max(1, ...bins.map((bin) => bin.count));
  const bottom = height - 20, slot = width / bins.length;
  const bar = (name, i, count) => {
    const size = (count / most) * (bottom - 16);
    return s("rect", { class: name, x: i * slot + 0.5, width: Math.max(1, slot - 1), y: bottom - size,
      height: size });
  };
  const bars = bins.map((bin, i) => {
    const said = sayBin(bin, format, part);
    const group = s("g", { class: pick ? "bin pickable" : "bin", tabindex: pick ? "0" : null,
      role: pick ? "link" : null, "aria-label": said }, s("title", {}, said),
    bar(`whole ${look?.(bin) ?? ""}`, i, bin.count), part ? bar("part", i, bin[part.field]) : null);
    group.addEventListener("click", () => pick?.(bin));
    group.addEventListener("keydown", (event) => event.key === "Enter" && pick?.(bin));
    return group;
  });
  const every = Math.max(1, Math.ceil(bins.length / Math.max(2, Math.floor(width / 90))));
  const centred = every === 1 && bins.length < 8;
  const marks = bins.map((bin, i) => (i % every ? null
    : s("text", { x: (i + (centred ? 0.5 : 0)) * slot, y: height - 6, "aria-hidden": "true",
      "text-anchor": centred ? "middle" : "start" }, format(bin.low))));
  return s("svg", { viewBox: `0 0 ${width} ${height}`, class: "histogram", role: pick ? "group" : "img",
    "aria-label": label }, s("title", {}, label), bars, marks,
  s("line", { class: "base", x1: 0, x2: width, y1: bottom, y2: bottom }),
  s("text", { x: 0, y: 9, "aria-hidden": "true" }, `largest ${integer(most)}`));
}

function sayBin(bin, format, part) {
  const single = bin.high === bin.low || bin.high === undefined;
  const place = single ? format(bin.low) : `${format(bin.low)} to ${format(bin.high)}`;
  return `${place}: ${integer(bin.count)}${part ? `, ${integer(bin[part.field])} ${part.name}` : ""}`;
}

/** Counts numbers into `count` bins of one width; the range may be given. */
function binned(values, count = 24, limits = null) {
  const there = values.filter(Number.isFinite);
  const bounds = limits ?? range(there);
  if (!bounds) return [];
  const [low, high] = bounds, width = (high - low) / count || 1;
  const bins = Array.from({ length: count }, (_, i) => (
    { low: low + i * width, high: low + (i + 1) * width, count: 0 }));
  for (const v of there) bins[Math.max(0, Math.min(count - 1, Math.floor((v - low) / width)))].count++;
  return bins;
}

/** A mean between its bounds on [0, 1]: a bar, and a line with ends for the interval. */
function interval(mean, low, high, label) {
  const x = (v) => 2 + 196 * Math.max(0, Math.min(1, Number(v)));
  return s("svg", { viewBox: "0 0 200 16", class: "interval", role: "img", "aria-label": label },
    s("title", {}, label), s("rect", { class: "ground", x: 2, y: 4, width: 196, height: 8 }),
    finite(mean) ? s("rect", { class: "mean", x: 2, y: 4, width: x(mean) - 2, height: 8 }) : null,
    finite(low) && finite(high) ? s("path", { class: "whisker",
      d: `M${x(low)} 8H${x(high)}M${x(low)} 3V13M${x(high)} 3V13` }) : null);
}

// Bars: histograms, and a mean with its interval.

/**
 * A histogram of bins `{low, high, count, part}`; `part` (of count) is drawn darker.
 * `pick(bin)` makes the bars buttons.
 */
function histogram(label, bins, { format = real, part = null, pick = null, look = null, height = 120 } = {}) {
  if (!bins.length) return nothing("Nothing to count.");
  const most = Math.max(1, ...bins.map((b) => b.count));
  const width = 420, bottom = height - 20, slot = width / bins.length;
  const picture = s("svg", { viewBox: `0 0 ${width} ${height}`, class: "histogram", role: "img",
    "aria-label": label }, s("title", {}, label));
  bins.forEach((bin, i) => {
    const size = (count) => (count / most) * (bottom - 14);
    const text = bin.high === bin.low || bin.high === undefined ? format(bin.low)
      : `${format(bin.low)} to ${format(bin.high)}`;
    const said = `${text}: ${integer(bin.count)}${part ? `, ${integer(bin[part.field])} ${part.name}` : ""}`;
    const group = s("g", { class: pick ? "bin pickable" : "bin", tabindex: pick ? "0" : null,
      role: pick ? "button" : null, "aria-label": said }, s("title", {}, said),
    s("rect", { class: `whole ${look?.(bin) ?? ""}`, x: i * slot + 0.5, width: Math.max(1, slot - 1),
      y: bottom - size(bin.count), height: size(bin.count) }));
    if (part) group.append(s("rect", { class: "part", x: i * slot + 0.5, width: Math.max(1, slot - 1),
      y: bottom - size(bin[part.field]), height: size(bin[part.field]) }));
    if (pick) {
      group.addEventListener("click", () => pick(bin));
      group.addEventListener("keydown", (event) => { if (event.key === "Enter") pick(bin); });
    }
    picture.append(group);
  });
  const every = Math.max(1, Math.ceil(bins.length / 8));
  bins.forEach((bin, i) => {
    if (i % every) return;
    const centred = bins.length <= 8;
    picture.append(s("text", { x: (i + (centred ? 0.5 : 0)) * slot + (centred ? 0 : 1), y: height - 6,
      "text-anchor": centred ? "middle" : "start", "aria-hidden": "true" }, format(bin.low)));
  });
  picture.append(s("line", { class: "base", x1: 0, x2: width, y1: bottom, y2: bottom }),
    s("text", { x: 0, y: 9, class: "most", "aria-hidden": "true" }, `${integer(most)} at most`));
  return picture;
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

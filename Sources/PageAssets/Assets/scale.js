// Scales and ticks: pure arithmetic.

/** The line through (a, c) and (b, d). */
function linear([a, b], [c, d]) {
  return (x) => (b === a ? (c + d) / 2 : c + ((x - a) / (b - a)) * (d - c));
}

/** About `count` round numbers within [low, high]. */
function ticks(low, high, count) {
  if (!(high > low)) return [low];
  const raw = (high - low) / count, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].find((m) => m * power >= raw * 0.999) * power;
  const out = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++)
    out.push(Number((i * step).toPrecision(12)));
  return out;
}

/** The range of finite numbers, opened a little where it is a single one; null without any. */
function range(values) {
  let low = Infinity, high = -Infinity;
  for (const v of values) {
    if (v === null || !Number.isFinite(v)) continue;
    if (v < low) low = v;
    if (v > high) high = v;
  }
  if (low > high) return null;
  if (low !== high) return [low, high];
  return low === 0 ? [0, 1] : [low - Math.abs(low) * 0.1, high + Math.abs(high) * 0.1];
}

/** The index of the entry of an ascending list that is nearest to x. */
function nearest(list, x) {
  let low = 0, high = list.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (list[middle] <= x) low = middle;
    else high = middle;
  }
  return Math.abs(list[low] - x) <= Math.abs(list[high] - x) ? low : high;
}

/** The mean over a window of `width` entries, centred; entries that are not finite do not count. */
function smoothed(values, width) {
  const half = Math.floor(width / 2), sums = [0], counts = [0];
  for (const v of values) {
    const use = v !== null && Number.isFinite(v);
    sums.push(sums[sums.length - 1] + (use ? v : 0));
    counts.push(counts[counts.length - 1] + (use ? 1 : 0));
  }
  return values.map((_, i) => {
    const from = Math.max(0, i - half), to = Math.min(values.length, i + half + 1);
    const n = counts[to] - counts[from];
    return n ? (sums[to] - sums[from]) / n : null;
  });
}

/** The value below which a share of the finite numbers lies. */
function quantile(values, q) {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  return sorted.length ? sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] : null;
}

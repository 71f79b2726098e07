// Numbers, times and sizes as text. A number that is not finite keeps its name.

const GROUPED = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** A number of a view: absent stays null, "NaN" and "Infinity" become themselves. */
function number(value) {
  return value === null || value === undefined ? null : Number(value);
}

function finite(value) {
  return value !== null && value !== undefined && Number.isFinite(Number(value));
}

function integer(value) {
  return finite(value) ? GROUPED.format(Number(value)) : nonFinite(value);
}

function nonFinite(value) {
  return value === null || value === undefined ? "–" : String(value).replace("-", "−");
}

/** Four significant digits; very small and very large ones with a power of ten. */
function real(value, digits = 4) {
  if (!finite(value)) return nonFinite(value);
  const x = Number(value), size = Math.abs(x);
  if (x === 0) return "0";
  if (size >= 1e4 && size < 1e7) return integer(x).replace("-", "−");
  const text = size >= 1e6 || size < 1e-4
    ? x.toExponential(digits - 1).replace(/\.?0+e/, "e").replace("e+", "e")
    : String(Number(x.toPrecision(digits)));
  return text.replaceAll("-", "−");
}

function percent(value, digits = 1) {
  if (!finite(value)) return nonFinite(value);
  return `${(Number(value) * 100).toFixed(digits).replace("-", "−")} %`;
}

function bytes(value) {
  if (!finite(value)) return nonFinite(value);
  const names = ["B", "kB", "MB", "GB", "TB"];
  let size = Number(value), i = 0;
  for (; size >= 1000 && i < names.length - 1; i++) size /= 1000;
  return `${real(size, 3)} ${names[i]}`;
}

function duration(seconds) {
  if (!finite(seconds)) return nonFinite(seconds);
  const t = Number(seconds);
  if (t > 0 && t < 0.0995) return `${real(t * 1000, 3)} ms`;
  if (t < 60) return `${real(t, 3)} s`;
  if (t < 3600) return `${Math.floor(t / 60)} min ${Math.round(t % 60)} s`;
  if (t < 86400) return `${Math.floor(t / 3600)} h ${Math.floor((t % 3600) / 60)} min`;
  return `${Math.floor(t / 86400)} d ${Math.floor((t % 86400) / 3600)} h`;
}

/** A point in time as the reader's clock has it. */
function moment(unix) {
  if (!finite(unix)) return "–";
  const at = new Date(Number(unix) * 1000), two = (x) => String(x).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} `
    + `${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** A value in the unit of its series. */
function measured(value, unit) {
  if (unit === "share") return percent(value);
  if (unit === "bytes") return bytes(value);
  if (unit === "s" || unit === "seconds") return duration(value);
  return unit && finite(value) ? `${real(value)} ${unit}` : real(value);
}

function plural(count, one, many = `${one}s`) {
  return `${integer(count)} ${Number(count) === 1 ? one : many}`;
}

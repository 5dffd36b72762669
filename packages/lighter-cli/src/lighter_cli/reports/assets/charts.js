"use strict";
// Draw each kind of figure as SVG, from the data in the page. Text goes through textContent, never through markup.

const colourOf = (index) => (index < 0 ? "var(--grey)" : `var(--c${index % 8})`);
const shares = d3.range(6).map((index) => `var(--s${index})`);

const numberText = (value) => (value === null || value === undefined ? "" : d3.format(".4~g")(value));
const valueText = (value) => (typeof value === "number" ? numberText(value) : value ?? "");
const shortName = (name, most) => (name.length > most ? `…${name.slice(1 - most)}` : name);

const base = (width, height, more) => ({
  width, height, marginLeft: 52, marginRight: 16, marginTop: 14, marginBottom: 38,
  style: { fontFamily: "inherit", fontSize: "12px", background: "transparent", color: "inherit" }, ...more,
});

const TIMES = [[3 * 3600, 3600, "hours"], [300, 60, "minutes"], [0, 1, "seconds"]];
const unitOf = (seconds) => TIMES.find(([least]) => seconds >= least);

/** An exponential moving average that starts without a bias; gaps stay. */
function smoothed(values, weight) {
  let sum = 0, total = 0;
  return values.map((value) => {
    if (Number.isNaN(value)) return NaN;
    sum = sum * weight + value * (1 - weight);
    total = total * weight + (1 - weight);
    return sum / total;
  });
}

/** The places of a curve on the chosen axis. */
function placesOf(axis, x) {
  const epochs = typeof axis.epoch === "number" ? d3.range(axis.epoch) : axis.epoch;
  return x === "epoch" || !axis.step ? epochs : axis[x];
}

/** One line through all curves of a colour, with gaps between them: few elements, however many curves. */
function joined(curves, values) {
  const x = [], y = [];
  for (const curve of curves) {
    for (let i = 0; i < curve.x.length; i++) { x.push(curve.x[i]); y.push(values(curve)[i]); }
    x.push(NaN); y.push(NaN);
  }
  return { x: Float64Array.from(x), y: Float64Array.from(y), data: d3.range(x.length) };
}

function curves(figure, width, axes, state) {
  const isLog = state.log ?? figure.log;
  let span = 0;
  const all = figure.curves.map((curve) => {
    const x = placesOf(axes[curve.axis], state.x);
    const v = curve.v.map((value) => (value === null || (isLog && value <= 0) ? NaN : value));
    if (x.length) span = Math.max(span, x[x.length - 1]);
    return { ...curve, x, v, drawn: state.smooth > 0 ? smoothed(v, state.smooth) : v };
  });
  const [, unit, unitName] = state.x === "time" ? unitOf(span) : [0, 1, state.x];
  if (unit !== 1) for (const curve of all) curve.x = curve.x.map((value) => value / unit);
  const marks = [];
  const isEpoch = state.x === "epoch";
  for (const band of isEpoch ? figure.bands : []) {
    const at = d3.range(band.epoch.length);
    const low = (i) => band.mean[i] - band.std[i];
    marks.push(Plot.areaY(at, {
      x: (i) => band.epoch[i], y1: (i) => (isLog && low(i) <= 0 ? NaN : low(i)), y2: (i) => band.mean[i] + band.std[i],
      fill: colourOf(band.c), fillOpacity: 0.18,
    }));
  }
  const banded = new Set(isEpoch ? figure.bands.map((band) => band.c) : []);
  const many = all.length > 40;
  const isLate = d3.sum(all, (curve) => curve.v.length) > MOST_AT_ONCE;
  const late = [];
  const groups = d3.groups(all, (curve) => `${curve.c},${curve.d}`);
  for (const [, group] of groups) {
    const { c, d } = group[0];
    const isFaint = banded.has(c);
    const style = {
      stroke: colourOf(c), strokeDasharray: d ? "5,4" : undefined, strokeLinecap: "round", strokeLinejoin: "round",
      strokeWidth: c < 0 && many ? 0.5 : isFaint || (many && group.length > 1) ? 0.9 : 1.8, strokeOpacity: isFaint ? 0.45 : many && c < 0 ? 0.45 : 1,
    };
    const lines = [[(curve) => curve.drawn, style]];
    if (state.smooth > 0) lines.unshift([(curve) => curve.v, { ...style, strokeWidth: 1, strokeOpacity: 0.25 }]);
    for (const [values, look] of lines) {
      if (isLate && group.length > 1) {
        late.push(...group.map((curve) => ({ curve, values: values(curve), look })));
      } else {
        const line = joined(group, values);
        marks.push(Plot.line(line.data, { x: line.x, y: line.y, ...look }));
      }
    }
    const single = group.filter((curve) => curve.v.length === 1);
    if (single.length) marks.push(Plot.dot(single, { x: (curve) => curve.x[0], y: (curve) => curve.v[0], fill: style.stroke, r: 3 }));
  }
  for (const band of isEpoch ? figure.bands : []) {
    marks.push(Plot.line(d3.range(band.epoch.length), {
      x: (i) => band.epoch[i], y: (i) => (isLog && band.mean[i] <= 0 ? NaN : band.mean[i]), stroke: colourOf(band.c), strokeWidth: 2.4,
    }));
  }
  if (figure.best) {
    const [k, i] = figure.best;
    marks.push(Plot.dot([0], { x: () => all[k].x[i], y: () => all[k].v[i], r: 5, stroke: "currentColor", strokeWidth: 1.5 }));
    marks.push(Plot.text([0], { x: () => all[k].x[i], y: () => all[k].v[i], text: () => "best", dy: -12, fill: "currentColor" }));
  }
  const svg = Plot.plot(base(width, heightOf(width), {
    x: { label: unitName, nice: false, ...(isLate ? { domain: d3.extent(all.flatMap((curve) => [curve.x[0], curve.x.at(-1)])) } : {}), ticks: width < 500 ? 5 : 10, ...(isEpoch ? { interval: undefined, tickFormat: wholeOnly } : {}) },
    y: { label: null, ...(isLate ? { domain: d3.extent(all.flatMap((curve) => d3.extent(curve.v))) } : {}), type: isLog ? "log" : "linear", grid: true, nice: !isLog, tickFormat: isLog ? "~g" : undefined },
    marks,
  }));
  addLate(svg, late);
  follow(svg, all, (curve, i) => {
    const epochs = placesOf(axes[curve.axis], "epoch");
    const place = isEpoch ? "" : `\n${unitName} ${numberText(curve.x[i])}`;
    return `${curve.label}\nepoch ${epochs[i]}${place}\n${numberText(curve.v[i])}`;
  });
  return svg;
}

/** Add many lines in pieces of idle time, so that the page stays quick; `svg.finish` adds the rest at once. */
function addLate(svg, late) {
  if (!late.length) return;
  const sx = svg.scale("x"), sy = svg.scale("y");
  const layer = document.createElementNS("http://www.w3.org/2000/svg", "g");
  svg.insertBefore(layer, svg.querySelector("[aria-label=area], [aria-label=line], [aria-label=dot]"));
  let next = 0;
  const add = (most) => {
    const { look } = late[next];
    const parts = [];
    for (let count = 0; next < late.length && late[next].look === look && count < most; next++) {
      const { curve, values } = late[next];
      let letter = "M";
      for (let i = 0; i < values.length; i++) {
        if (Number.isNaN(values[i])) { letter = "M"; continue; }
        parts.push(letter, sx.apply(curve.x[i]).toFixed(1), ",", sy.apply(values[i]).toFixed(1));
        letter = "L";
      }
      count += values.length;
    }
    d3.select(layer).append("path").attr("d", parts.join("")).attr("fill", "none").attr("stroke", look.stroke)
      .attr("stroke-width", look.strokeWidth).attr("stroke-opacity", look.strokeOpacity).attr("stroke-dasharray", look.strokeDasharray ?? null);
  };
  const go = () => {
    if (!svg.isConnected || next >= late.length) return;
    add(MOST_AT_ONCE);
    whenIdle(go);
  };
  svg.finish = () => { while (next < late.length) add(Infinity); };
  whenIdle(go);
}

const whenIdle = (callback) => (window.requestIdleCallback ? requestIdleCallback(callback, { timeout: 150 }) : setTimeout(callback, 10));
const MOST_AT_ONCE = 6000;
const wholeOnly = (value) => (Number.isInteger(value) ? d3.format(",d")(value) : "");
const heightOf = (width) => Math.round(Math.min(380, Math.max(230, width * 0.4)));

/** Show the nearest value of all curves beside the pointer, and its curve on top of the others. */
function follow(svg, all, textOf) {
  const sx = svg.scale("x"), sy = svg.scale("y");
  if (!sx || !sy) return;
  const at = [];
  const pointsOf = () => {
    const px = [], py = [];
    all.forEach((curve, k) => curve.drawn.forEach((value, i) => {
      if (!Number.isNaN(value)) { px.push(sx.apply(curve.x[i])); py.push(sy.apply(value)); at.push([k, i]); }
    }));
    return [px, py];
  };
  const layer = d3.select(svg).append("g").attr("pointer-events", "none");
  const path = all.length > 1 ? layer.append("path").attr("fill", "none").attr("stroke-width", 2.5) : null;
  pointAt(svg, pointsOf, (n) => {
    const [k, i] = at[n], curve = all[k];
    if (path) {
      const line = d3.line((_, j) => sx.apply(curve.x[j]), (value) => sy.apply(value)).defined((value) => !Number.isNaN(value));
      path.attr("d", line(curve.drawn)).attr("stroke", curve.c < 0 ? "currentColor" : colourOf(curve.c));
    }
    return textOf(curve, i);
  }, () => path && path.attr("d", null));
}

/** Show the text of the nearest of some points while the pointer is over the figure; they are placed when it comes. */
function pointAt(svg, pointsOf, textOf, onLeave = () => {}) {
  const tip = d3.select(svg).append("g").attr("class", "tip").attr("pointer-events", "none").style("display", "none");
  const box = tip.append("rect").attr("rx", 4).attr("fill", "var(--paper)").attr("stroke", "var(--line)");
  const text = tip.append("text").attr("font-size", 12).attr("fill", "currentColor");
  const dot = d3.select(svg).append("circle").attr("r", 4).attr("fill", "currentColor").attr("pointer-events", "none").style("display", "none");
  let last = -1, px, py;
  const place = () => { if (!px) [px, py] = pointsOf(); };
  const leave = () => { tip.style("display", "none"); dot.style("display", "none"); last = -1; onLeave(); };
  const show = (n) => {
    place();
    if (n === last) return;
    last = n;
    text.selectAll("tspan").data(String(textOf(n)).split("\n")).join("tspan")
      .attr("x", 8).attr("dy", (_, i) => (i ? 16 : 18)).attr("font-weight", (_, i) => (i ? null : 600)).text((line) => shortName(line, 60));
    tip.style("display", null);
    const { width, height } = text.node().getBBox();
    box.attr("width", width + 16).attr("height", height + 12);
    const [, , w, h] = (svg.getAttribute("viewBox") || `0 0 ${svg.getAttribute("width")} ${svg.getAttribute("height")}`).split(" ").map(Number);
    const x = px[n] + width + 32 > w ? Math.max(0, px[n] - width - 28) : px[n] + 12;
    const y = Math.min(Math.max(0, py[n] - height - 20), h - height - 14);
    tip.attr("transform", `translate(${x},${y})`);
    dot.style("display", null).attr("cx", px[n]).attr("cy", py[n]);
  };
  svg.addEventListener("pointermove", (event) => {
    place();
    const [x, y] = d3.pointer(event, svg);
    let best = -1, least = 60 * 60;
    for (let n = 0; n < px.length; n++) {
      const distance = (px[n] - x) ** 2 + (py[n] - y) ** 2;
      if (distance < least) { least = distance; best = n; }
    }
    if (best < 0) leave(); else show(best);
  });
  svg.addEventListener("pointerleave", leave);
  svg.showPoint = show;
}

function points(figure, width) {
  const isText = figure.choices.length > 0;
  const at = d3.range(figure.x.length);
  const small = width < 420;
  const many = at.length > 300;
  const marks = [];
  if (figure.line.length) {
    marks.push(Plot.line(figure.line, { x: "0", y: "1", curve: "step-after", stroke: "var(--c1)", strokeWidth: 1.8 }));
  }
  marks.push(Plot.dot(at, {
    x: (i) => figure.x[i], y: (i) => figure.y[i], fill: (i) => colourOf(figure.c[i]), r: small ? 2.4 : many ? 2.6 : 3.5, fillOpacity: many ? 0.55 : 0.8,
  }));
  if (figure.best !== null) {
    marks.push(Plot.dot([figure.best], { x: (i) => figure.x[i], y: (i) => figure.y[i], r: 6, stroke: "currentColor", strokeWidth: 1.8 }));
  }
  const svg = Plot.plot(base(width, small ? 200 : heightOf(width), {
    x: {
      label: shortName(figure.xLabel, Math.floor(width / 8)), type: isText ? "point" : figure.logX ? "log" : "linear",
      ...(isText ? { domain: figure.choices, padding: 0.5, tickFormat: (text) => shortName(text, small ? 12 : 24) } : { nice: true, ticks: small ? 4 : undefined }),
      ...(figure.logX ? { tickFormat: "~g" } : {}),
    },
    y: { label: null, grid: true, nice: true, ticks: small ? 5 : undefined },
    color: { type: "identity" },
    marks,
  }));
  const sx = svg.scale("x"), sy = svg.scale("y");
  pointAt(svg, () => [figure.x.map((value) => sx.apply(value)), figure.y.map((value) => sy.apply(value))], (i) =>
    `${figure.labels[i]}\n${shortName(figure.xLabel, 40)}: ${valueText(figure.x[i])}\n${shortName(figure.yLabel, 40)}: ${numberText(figure.y[i])}`);
  return svg;
}

function bars(figure, width) {
  const at = d3.range(figure.v.length);
  const room = Math.min(280, width * 0.4);
  const svg = Plot.plot(base(width, 46 + 26 * at.length, {
    marginLeft: room, marginRight: 56,
    x: { label: figure.label, grid: true, domain: [0, Math.max(...figure.v, 0.001)] },
    y: { label: null, domain: at, tickFormat: (i) => shortName(figure.names[i], Math.floor(room / 7)), tickSize: 0 },
    marks: [
      Plot.barX(at, { x: (i) => figure.v[i], y: (i) => i, fill: "var(--c0)", insetTop: 3, insetBottom: 3 }),
      Plot.text(at, { x: (i) => figure.v[i], y: (i) => i, text: (i) => d3.format(".0%")(figure.v[i]), dx: 6, textAnchor: "start", fill: "currentColor" }),
    ],
  }));
  const sx = svg.scale("x"), sy = svg.scale("y");
  pointAt(svg, () => [figure.v.map((value) => sx.apply(value)), at.map((i) => sy.apply(i) + sy.bandwidth / 2)], (i) => `${figure.names[i]}\n${figure.label}: ${numberText(figure.v[i])}`);
  return svg;
}

function parallel(figure, width) {
  const height = heightOf(width) + 60, top = 50, bottom = height - 40, side = Math.min(70, width / 8);
  const place = d3.scalePoint(d3.range(figure.axes.length), [side, width - side]);
  const scales = figure.axes.map(({ log }, k) => {
    const values = figure.lines.map((line) => line[k]).filter((value) => value !== null);
    if (values.some((value) => typeof value === "string")) {
      return d3.scalePoint([...new Set(values)].sort((a, b) => b.localeCompare(a, undefined, { numeric: true })), [top, bottom]).padding(0.5);
    }
    const [low, high] = d3.extent(values);
    return (log && low > 0 ? d3.scaleLog() : d3.scaleLinear()).domain(low === high ? [low - 1, high + 1] : [low, high]).range([bottom, top]);
  });
  const svg = d3.create("svg").attr("viewBox", [0, 0, width, height]).attr("width", width).attr("height", height).attr("font-size", 11);
  const order = d3.range(figure.lines.length).sort((a, b) => (figure.shares[a] ?? -1) - (figure.shares[b] ?? -1));
  const pathOf = (i) => d3.line((_, k) => place(k), (value, k) => scales[k](value)).defined((value) => value !== null)(figure.lines[i]) || "";
  const level = (i) => Math.min(5, Math.floor((figure.shares[i] ?? 0) * 6));
  for (const [index, group] of d3.groups(order, level)) {
    svg.append("path").attr("d", group.map(pathOf).join("")).attr("fill", "none").attr("stroke", shares[index])
      .attr("stroke-width", index === 5 ? 1.4 : 0.9).attr("stroke-opacity", order.length > 500 ? 0.3 : order.length > 200 ? 0.55 : 0.85);
  }
  if (figure.best !== null) {
    svg.append("path").attr("d", pathOf(figure.best)).attr("fill", "none").attr("stroke", "var(--c1)").attr("stroke-width", 2.4);
  }
  figure.axes.forEach(({ name }, k) => {
    const axis = svg.append("g").attr("transform", `translate(${place(k)},0)`);
    axis.append("line").attr("y1", top).attr("y2", bottom).attr("stroke", "currentColor").attr("stroke-opacity", 0.5);
    const label = axis.append("text").attr("text-anchor", k === 0 ? "start" : k === figure.axes.length - 1 ? "end" : "middle").attr("x", k === 0 ? -side : k === figure.axes.length - 1 ? side : 0).attr("y", k % 2 && width < 700 ? 16 : 32).attr("font-weight", 600).attr("fill", "currentColor");
    label.text(shortName(name, Math.max(8, Math.floor((place.step() || width) / 6.5)))).append("title").text(name);
    const ticks = scales[k].ticks ? scales[k].ticks(4).filter((tick) => !figure.axes[k].log || /^[13]/.test(tick.toExponential())) : scales[k].domain();
    for (const tick of ticks) {
      axis.append("text").attr("x", 5).attr("y", scales[k](tick)).attr("dy", "0.32em").attr("fill", "currentColor")
        .attr("paint-order", "stroke").attr("stroke", "var(--paper)").attr("stroke-width", 3).text(shortName(valueText(tick), 14));
    }
  });
  const hover = svg.append("path").attr("fill", "none").attr("stroke", "currentColor").attr("stroke-width", 2.4).attr("pointer-events", "none");
  const at = [];
  const pointsOf = () => {
    const px = [], py = [];
    figure.lines.forEach((line, i) => line.forEach((value, k) => {
      if (value !== null) { px.push(place(k)); py.push(scales[k](value)); at.push(i); }
    }));
    return [px, py];
  };
  pointAt(svg.node(), pointsOf, (n) => {
    hover.attr("d", pathOf(at[n]));
    return [figure.labels[at[n]], ...figure.axes.map(({ name }, k) => `${shortName(name, 34)}: ${valueText(figure.lines[at[n]][k])}`)].join("\n");
  }, () => hover.attr("d", null));
  return svg.node();
}

function timeline(figure, width) {
  const at = d3.range(figure.x1.length);
  const [, unit, name] = unitOf(d3.max(figure.x2) ?? 0);
  const room = Math.min(160, width * 0.3);
  const svg = Plot.plot(base(width, 50 + 24 * Math.max(figure.names.length, 1), {
    marginLeft: room,
    x: { label: `${name} since the first start`, grid: true },
    y: { label: null, domain: d3.range(figure.names.length), tickFormat: (i) => shortName(figure.names[i], Math.floor(room / 7)), tickSize: 0 },
    marks: [Plot.barX(at, {
      x1: (i) => figure.x1[i] / unit, x2: (i) => figure.x2[i] / unit, y: (i) => figure.lanes[i], fill: (i) => colourOf(figure.c[i]), inset: 0.5, insetTop: 3, insetBottom: 3,
    })],
    color: { type: "identity" },
  }));
  const sx = svg.scale("x"), sy = svg.scale("y");
  pointAt(svg, () => [at.map((i) => sx.apply((figure.x1[i] + figure.x2[i]) / 2 / unit)), at.map((i) => sy.apply(figure.lanes[i]) + sy.bandwidth / 2)],
    (i) => `${figure.labels[i]}\nfrom ${numberText(figure.x1[i] / unit)} to ${numberText(figure.x2[i] / unit)} ${name}`);
  return svg;
}

function matrix(figure, width, axes, state) {
  const index = state.index ?? figure.matrices.length - 1;
  const rows = figure.matrices[index], n = rows.length;
  const size = Math.min(width, 120 + 42 * n, 640);
  const cells = d3.cross(d3.range(n), d3.range(n));
  const totals = rows.map((row) => d3.sum(row) || 1);
  const share = ([i, j]) => rows[i][j] / totals[i];
  const names = (i) => shortName(figure.labels[i], 12);
  const svg = Plot.plot(base(size, size, {
    marginLeft: 90, marginBottom: 60, padding: 0.04,
    x: { domain: d3.range(n), label: "prediction", tickFormat: names, tickRotate: n > 6 ? -40 : 0 },
    y: { domain: d3.range(n), label: "target", tickFormat: names },
    color: { type: "identity" },
    marks: [
      Plot.cell(cells, { x: "1", y: "0", fill: "var(--c0)", fillOpacity: share }),
      ...(n <= 20 ? [Plot.text(cells, { x: "1", y: "0", text: ([i, j]) => numberText(rows[i][j]), fill: (cell) => (share(cell) > 0.55 ? "var(--paper)" : "var(--ink)") })] : []),
    ],
  }));
  const sx = svg.scale("x"), sy = svg.scale("y");
  pointAt(svg, () => [cells.map(([, j]) => sx.apply(j) + sx.bandwidth / 2), cells.map(([i]) => sy.apply(i) + sy.bandwidth / 2)],
    (k) => `${figure.labels[cells[k][0]]} taken for ${figure.labels[cells[k][1]]}\n${numberText(rows[cells[k][0]][cells[k][1]])}, ${d3.format(".1%")(share(cells[k]))} of the target`);
  return svg;
}

const drawers = { curves, points, bars, parallel, timeline, matrix };

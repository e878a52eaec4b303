const data = JSON.parse(document.getElementById("data").textContent);
const main = document.getElementById("main");
const filters = { task: "", license: "", size: "", offline: false };
let picked = [];

// ---- small helpers

function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children.flat().filter((child) => child != null && child !== ""));
  return made;
}

const link = (text, ...parts) => el("a", { href: address(...parts) }, text);
const address = (...parts) => "#/" + parts.map(encodeURIComponent).join("/");
const modelLink = (model, label = model) => link(label, "model", model);
const signed = (value, digits = 2) => {
  if (value == null) return "";
  const shown = Math.abs(value).toFixed(digits);
  return Number(shown) === 0 ? shown : (value < 0 ? "−" : "+") + shown;
};
const number = (value, digits) => (value == null ? "" : value.toFixed(digits).replace("-", "−"));
const interval = (low, high, show) => (low == null ? "" : ` [${show(low)}, ${show(high)}]`);
const share = (value) => (value == null ? "" : `${Math.round(value * 100)} %`);
const shownSeconds = (value) => (value == null ? "" : value < 0.1 ? value.toFixed(3) : value.toPrecision(3));
const shownCount = (value) => (value == null ? "" : value >= 1e6 ? `${(value / 1e6).toFixed(1)} M` : value >= 1e3 ? `${(value / 1e3).toFixed(0)} k` : `${value}`);
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const metricTitle = (name) => {
  const metric = data.metrics[name];
  return `${name}${metric.unit ? ` (${metric.unit})` : ""}, ${metric.higher ? "higher" : "lower"} is better`;
};

function passes(model) {
  const facts = data.models[model];
  if (facts.baseline) return true; // what all others are compared with
  if (filters.task && !facts.tasks.includes(filters.task)) return false;
  if (filters.license === "permissive" && !facts.permissive) return false;
  if (filters.license && filters.license !== "permissive" && facts.license !== filters.license) return false;
  if (filters.size && facts.parameters > Number(filters.size)) return false;
  return !filters.offline || facts.offline;
}

function notes(lines) {
  return lines.length ? el("ul", { class: "notes" }, lines.map((line) => el("li", {}, line))) : null;
}

/** A table that sorts by a click on its headings. Columns: title, value(row), show(row), number, best ("low" or "high"). */
function sortable(name, columns, rows, options = {}) {
  const body = el("tbody");
  const heads = columns.map((column) => {
    const head = el("th", { scope: "col", class: column.number ? "number" : null });
    head.append(column.value ? el("button", { type: "button", onclick: () => sort(column, head) }, column.title) : column.title);
    return head;
  });
  function fill(sorted) {
    body.replaceChildren(
      ...sorted.map((row) =>
        el("tr", { class: options.muted?.(row) ? "unranked" : null, "data-model": row.model },
          columns.map((column, place) =>
            el(place === 0 && options.heading ? "th" : "td",
              { class: column.number ? "number" : null, scope: place === 0 && options.heading ? "row" : null },
              column.show ? column.show(row) : column.value(row) ?? "")))),
    );
  }
  function sort(column, head) {
    const first = column.best === "high" ? "descending" : "ascending";
    const other = first === "ascending" ? "descending" : "ascending";
    const order = head.getAttribute("aria-sort") === first ? other : first;
    heads.forEach((each) => each.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", order);
    const sign = order === "ascending" ? 1 : -1;
    fill([...rows].sort((a, b) => {
      const [x, y] = [column.value(a), column.value(b)];
      if (x == null || y == null) return (x == null) - (y == null); // what is not known comes last
      return sign * (typeof x === "string" ? x.localeCompare(y) : x - y);
    }));
  }
  fill(rows);
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": name },
    el("table", {}, el("thead", {}, el("tr", {}, heads)), body));
}

const rankValue = (row) => (row.rank == null ? null : Number(row.rank.split("-")[0]) + Number(row.rank.split("-").pop()) / 1000);
const pickColumn = {
  title: "compare",
  show: (row) =>
    el("input", { type: "checkbox", "aria-label": `compare ${row.model}`, checked: picked.includes(row.model),
      onchange: (event) => pick(row.model, event.target.checked) }),
};

function pick(model, chosen) {
  picked = picked.filter((each) => each !== model);
  if (chosen) picked = [...picked, model].slice(-2);
  showPicked();
  for (const box of main.querySelectorAll('input[type="checkbox"][aria-label^="compare "]')) {
    box.checked = picked.includes(box.getAttribute("aria-label").slice(8));
  }
}

function showPicked() {
  const bar = document.getElementById("picked");
  bar.hidden = picked.length === 0;
  bar.replaceChildren(
    picked.length === 2
      ? link(`Compare ${picked[0]} and ${picked[1]} picture by picture`, "compare", ...picked)
      : `${picked[0] ?? ""}: choose a second model to compare with.`,
  );
}

/** A table of colored cells. rows: [heading node, Map of column -> value]. */
function heatMap(name, columns, rows, show, extreme) {
  const largest = extreme ?? Math.max(1e-9, ...rows.flatMap(([, values]) => [...values.values()].map(Math.abs)));
  const cell = (value) => {
    if (value == null) return el("td", { class: "muted" }, "");
    const strength = (Math.min(1, Math.abs(value) / largest) * 0.55).toFixed(3);
    return el("td", { style: `background: rgba(var(--${value < 0 ? "bad" : "good"}), ${strength})` }, show(value));
  };
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": name },
    el("table", { class: "heat" },
      el("thead", {}, el("tr", {}, el("th", {}, ""), columns.map(([, heading]) => el("th", { scope: "col" }, heading)))),
      el("tbody", {}, rows.map(([heading, values]) =>
        el("tr", {}, el("th", { scope: "row" }, heading), columns.map(([key]) => cell(values.get(key))))))));
}

// ---- charts

const drawn = [];

/** Draw a Vega-Lite chart once its place is on the page; a click on a mark opens the model in its row. */
function chart(name, spec, rows, label, extra = {}) {
  const place = el("div", { class: "chart", role: "img", "aria-label": label, "data-chart": name });
  const style = getComputedStyle(document.documentElement);
  const color = (variable) => style.getPropertyValue(variable).trim();
  const axis = { labelColor: color("--text"), titleColor: color("--text"), gridColor: color("--line"),
    domainColor: color("--muted"), tickColor: color("--muted"), labelFontSize: 12, titleFontSize: 12, titleFontWeight: 500, labelSeparation: 10 };
  const config = { background: "transparent", font: "system-ui, sans-serif", axis, view: { stroke: color("--line") },
    point: { color: color("--mark") }, line: { color: color("--mark") }, bar: { color: color("--mark") },
    rule: { color: color("--muted") }, text: { color: color("--text"), fontSize: 12 } };
  const whole = { ...structuredClone(spec), ...extra, data: { values: rows }, autosize: { type: "fit-x", contains: "padding" }, config };
  drawn.push(() =>
    window.vegaEmbed(place, whole, { actions: false, renderer: "svg" }).then(({ view }) => {
      view.addEventListener("click", (event, item) => {
        const model = item?.datum?.model;
        if (model && data.models[model]) location.hash = address("model", model);
      });
    }));
  return place;
}

/** Rows with `front`: no other row is both faster and at least as good. */
function withFront(rows) {
  let best = -Infinity;
  return [...rows]
    .sort((a, b) => a.seconds - b.seconds || b.gain - a.gain)
    .map((row) => {
      const front = row.gain > best;
      best = Math.max(best, row.gain);
      return { ...row, front };
    });
}

// ---- pages

function useCases() {
  const cards = data.uses.map((use) =>
    el("a", { class: "card", href: address("use", use.id) }, el("h2", {}, use.id), el("div", { class: "muted" }, use.title), el("p", { class: use.pick ? null : "muted" }, use.sentence)));
  const none = data.uses.every((use) => !use.choices.length);
  return [el("h1", {}, "Which one for my use?"),
    none ? el("p", {}, "These results answer none of the use cases. ", link("See the scenarios that were measured.", "scenarios")) : el("p", {}, "Choose what you bring. Each answer says what was measured, on how many pictures, and whether the difference is more than chance."),
    el("div", { class: "cards" }, cards)];
}

function useCase(id) {
  const use = data.uses.find((each) => each.id === id);
  if (!use) return missing("use case", id);
  const choices = use.choices.filter((choice) => passes(choice.model));
  const nothing = use.nothing == null ? [] : [{ model: null, rank: use.nothing, gain: 0 }];
  const rows = [...choices, ...nothing].sort((a, b) => b.gain - a.gain);
  const facts = (row) => data.models[row.model];
  const columns = [
    { title: "model", value: (row) => row.model ?? "doing nothing", show: (row) => (row.model ? modelLink(row.model) : "doing nothing") },
    { title: "rank", value: rankValue, show: (row) => row.rank, number: true },
    { title: "gain", value: (row) => row.gain, show: (row) => (row.model ? signed(row.gain) + interval(row.low, row.high, signed) : "0"), number: true, best: "high" },
    { title: "seconds", value: (row) => row.seconds, show: (row) => (row.seconds == null ? "" : `${shownSeconds(row.seconds)} (${row.megapixels} MP)`), number: true },
    { title: "memory (MB)", value: (row) => row.memory, number: true },
    { title: "license", value: (row) => facts(row)?.license ?? null },
    { title: "offline", value: (row) => (row.model ? (facts(row).offline ? "yes" : "no") : null) },
    { title: "parameters", value: (row) => facts(row)?.parameters ?? null, show: (row) => shownCount(facts(row)?.parameters), number: true },
    { ...pickColumn, show: (row) => (row.model ? pickColumn.show(row) : "") },
  ];
  const timed = choices.filter((choice) => choice.seconds != null);
  const untimed = choices.filter((choice) => choice.seconds == null).map((choice) => choice.model);
  const shown = [el("h1", {}, use.title), el("p", { class: "answer" }, use.sentence)];
  if (use.pick) shown.push(el("pre", {}, data.models[use.pick].command.join("\n")));
  shown.push(el("p", {}, el("b", {}, "Measured: "), use.measured), el("p", {}, el("b", {}, "Not measured: "), use.notMeasured));
  if (use.choices.length) {
    shown.push(sortable("models for this use case", columns, rows, { heading: true }),
      el("p", { class: "note" }, `Gain over doing nothing on ${use.pictures} pictures, in standard deviations of the pictures, with its 95 % interval. Models that cannot be told apart share their ranks. Memory is what is needed beside the loaded model.`));
  }
  if (choices.length) {
    shown.push(el("h2", {}, "How sure that is"),
      chart("gains", data.charts.gains, choices.map((c) => ({ ...c, low: c.low ?? c.gain, high: c.high ?? c.gain })), "gain of each model with its interval", { height: 24 * choices.length + 4 }));
  }
  if (timed.length > 1) {
    const rows = withFront(timed);
    const middle = (Math.log(rows[0].seconds) + Math.log(rows.at(-1).seconds)) / 2;
    const narrow = window.innerWidth < 600;
    const labeled = rows.map((row) => {
      const label = narrow && !row.front ? "" : row.model;
      const right = Math.log(row.seconds) > middle;
      return { ...row, after: right ? "" : label, before: right ? label : "" };
    });
    shown.push(el("h2", {}, "Quality against latency"),
      chart("pareto", data.charts.pareto, labeled, "gain against seconds, with the Pareto front"),
      el("p", { class: "note" }, "The line is the Pareto front: nothing measured here is both faster and better. Diamonds lie on it."));
  } else if (use.choices.length) {
    shown.push(el("h2", {}, "Quality against latency"), el("p", { class: "note" }, "Too few latencies were published for a plot."));
  }
  if (untimed.length) {
    shown.push(el("p", { class: "note" }, `No latency is published for ${untimed.join(", ")}: none was measured on a machine without other work.`));
  }
  const scenarios = Object.entries(use.heat);
  if (scenarios.length) {
    const columns = scenarios.map(([name]) => [name, link(name, "scenario", rankingOf(name))]);
    const models = [...new Set(scenarios.flatMap(([, gains]) => Object.keys(gains)))].filter(passes);
    const order = (model) => -mean(scenarios.filter(([, gains]) => model in gains).map(([, gains]) => gains[model]));
    const rows = models.sort((a, b) => order(a) - order(b)).map((model) =>
      [modelLink(model), new Map(scenarios.filter(([, gains]) => model in gains).map(([name, gains]) => [name, gains[model]]))]);
    shown.push(el("h2", {}, "Scenario by scenario"), heatMap("gain by scenario", columns, rows, signed),
      el("p", { class: "note" }, "Mean gain over doing nothing; also of models that were not measured on all of these scenarios."));
  }
  const left = Object.entries(use.leftOut).map(([model, why]) => `${model} is left out: ${why}.`);
  const weights = Object.entries(use.weights).map(([name, shares]) => `Weights on ${name}: ${Object.entries(shares).map(([m, s]) => `${m} ${share(s)}`).join(", ")}.`);
  shown.push(notes([...weights, ...left, ...use.notes.map((line) => `${line}.`)]));
  return shown;
}

const rankingOf = (name) => (data.rankings.find((each) => each.name === name) ?? data.rankings.find((each) => name === `${each.dataset} / ${each.scenario}`))?.name ?? name;

function scenarios() {
  const rankings = data.rankings.filter((each) => !filters.task || each.tasks.includes(filters.task));
  const columns = [
    { title: "data set / scenario", value: (row) => row.name, show: (row) => link(row.name, "scenario", row.name) },
    { title: "pictures", value: (row) => row.n, number: true, best: "high" },
    { title: "models", value: (row) => row.rows.filter((each) => each.rank).length, number: true, best: "high" },
    { title: "best", value: (row) => (row.demonstration ? null : row.rows[1]?.rank && row.rows[0].model), show: (row) => bestOf(row) },
    { title: "ranked by", value: (row) => row.primary },
  ];
  const bestOf = (row) => (row.demonstration ? "a demonstration: too few pictures" : row.rows[1]?.rank ? modelLink(row.rows[0].model) : "");
  const proving = rankings.filter((each) => !each.demonstration && each.rows.some((row) => row.wins != null));
  const models = Object.keys(data.models).filter((model) => passes(model) && proving.some((each) => each.rows.some((row) => row.model === model && row.wins != null)));
  const rows = models.map((model) => {
    const won = new Map();
    for (const each of proving) {
      const row = each.rows.find((other) => other.model === model);
      if (row?.wins != null) won.set(each.name, row.wins - 0.5);
    }
    return [modelLink(model), won];
  });
  return [el("h1", {}, "Scenarios"), el("p", {}, "A scenario is a data set and a way in which its pictures are damaged."),
    sortable("scenarios", columns, rankings, { heading: true }),
    el("h2", {}, "Who wins where"),
    rows.length ? heatMap("wins by scenario", proving.map((each) => [each.name, link(each.name, "scenario", each.name)]), rows, (value) => share(value + 0.5), 0.5)
      : el("p", {}, "No ranking of these models has enough pictures."),
    el("p", { class: "note" }, "Share of pictures and opponents that a model beats, by the metric that ranks the scenario. Sets with too few pictures to prove anything are left out."),
    notes(data.remarks)];
}

function scenario(name) {
  const ranking = data.rankings.find((each) => each.name === name);
  if (!ranking) return missing("scenario", name);
  const rows = ranking.rows.filter((row) => passes(row.model));
  const columns = [
    { title: "model", value: (row) => row.label, show: (row) => modelLink(row.model, row.label) },
    { title: "rank", value: rankValue, show: (row) => row.rank ?? "not ranked", number: true },
    ...ranking.metrics.map((metric) => {
      const { digits, higher, title } = data.metrics[metric] ?? { digits: 4, higher: true, title: "" };
      return {
        title: el("span", { title }, metric), number: true, best: higher ? "high" : "low", value: (row) => row.means[metric]?.[0],
        show: (row) => {
          const found = row.means[metric];
          if (!found) return "unavailable";
          return number(found[0], digits) + (metric === ranking.primary ? interval(found[1], found[2], (end) => number(end, digits)) : "");
        },
      };
    }),
    { title: "wins", value: (row) => row.wins, show: (row) => share(row.wins), number: true, best: "high" },
    { title: "seconds", value: (row) => row.seconds, show: (row) => shownSeconds(row.seconds), number: true },
    { title: "memory (MB)", value: (row) => row.memory, show: (row) => number(row.memory, 0), number: true },
    { title: "license", value: (row) => data.models[row.model].license },
    pickColumn,
  ];
  return [el("h1", {}, ranking.name), el("p", {}, `${ranking.title[0].toUpperCase()}${ranking.title.slice(1)}. ${ranking.about}.`),
    el("p", {}, `${ranking.n} pictures, version ${ranking.version}, seed ${ranking.seed}; ranked by ${metricTitle(ranking.primary)}. ${ranking.evidence}`),
    rows.length ? sortable("ranking", columns, rows, { heading: true, muted: (row) => row.rank == null }) : el("p", {}, "No complete run of these models."),
    notes([...ranking.unranked, ...ranking.notes])];
}

function models() {
  const rows = Object.entries(data.models).filter(([model]) => passes(model)).map(([model, facts]) => {
    const ranked = data.rankings.filter((each) => each.rows.some((row) => row.model === model && row.rank));
    return { model, ...facts, rankings: ranked.length };
  });
  const columns = [
    { title: "model", value: (row) => row.model, show: (row) => modelLink(row.model) },
    { title: "title", value: (row) => row.title },
    { title: "tasks", value: (row) => row.tasks.join(", ") },
    { title: "license", value: (row) => row.license },
    { title: "offline", value: (row) => (row.offline ? "yes" : "no") },
    { title: "parameters", value: (row) => row.parameters, show: (row) => shownCount(row.parameters), number: true },
    { title: "weights (MB)", value: (row) => row.bytes, show: (row) => (row.bytes == null ? "" : (row.bytes / 1e6).toFixed(1)), number: true },
    { title: "rankings", value: (row) => row.rankings, number: true, best: "high" },
    pickColumn,
  ];
  return [el("h1", {}, "Models"), el("p", {}, "Tick two to compare them picture by picture."), sortable("models", columns, rows, { heading: true })];
}

function model(id) {
  const facts = data.models[id];
  if (!facts) return missing("model", id);
  const fact = (name, value) => (value == null || value === "" ? [] : [el("dt", {}, name), el("dd", {}, value)]);
  const use = { true: "allowed", false: "forbidden" }[facts.commercial];
  const shown = [el("h1", {}, id), el("p", {}, facts.title), facts.summary ? el("p", {}, facts.summary) : null,
    el("dl", {}, fact("tasks", facts.tasks.join(", ")), fact("license", facts.license), fact("commercial use", use),
      fact("offline", facts.offline ? "yes" : "no: its weights are downloaded"), fact("parameters", shownCount(facts.parameters)),
      fact("weights", facts.bytes ? `${(facts.bytes / 1e6).toFixed(1)} MB` : null), fact("paper", facts.paper))];
  if (facts.command) shown.push(el("pre", {}, facts.command.join("\n")));
  if (facts.notes.length) shown.push(el("h2", {}, "Limits"), notes(facts.notes));
  if (facts.sheet) {
    shown.push(el("h2", {}, "Pictures"), el("img", { class: "sheet", src: `pictures/${id}.jpg`, loading: "lazy", alt: `input, output of ${id}, target` }),
      el("p", { class: "note" }, "Input, output, target."));
  }
  const answers = data.uses.flatMap((each) => each.choices.filter((choice) => choice.model === id).map((choice) => ({ ...choice, use: each.id, pictures: each.pictures })));
  if (answers.length) {
    shown.push(el("h2", {}, "Use cases"), sortable("use cases", [
      { title: "use case", value: (row) => row.use, show: (row) => link(row.use, "use", row.use) },
      { title: "rank", value: rankValue, show: (row) => row.rank, number: true },
      { title: "gain", value: (row) => row.gain, show: (row) => signed(row.gain) + interval(row.low, row.high, signed), number: true, best: "high" },
      { title: "pictures", value: (row) => row.pictures, number: true, best: "high" },
    ], answers, { heading: true }));
  }
  const rows = data.rankings.flatMap((ranking) => ranking.rows.filter((row) => row.model === id).map((row) => ({ ...row, ranking, harm: harmOf(ranking, row) })));
  if (rows.length) {
    shown.push(el("h2", {}, "Measured"), sortable("figures", [
      { title: "data set / scenario", value: (row) => row.ranking.name, show: (row) => link(row.ranking.name, "scenario", row.ranking.name) },
      { title: "rank", value: rankValue, show: (row) => (row.rank ? `${row.rank} of ${row.ranking.rows.filter((each) => each.rank).length}` : "not ranked"), number: true },
      { title: "metric", value: (row) => row.ranking.primary },
      { title: "mean", value: (row) => row.means[row.ranking.primary]?.[0], show: (row) => shownMean(row), number: true },
      { title: "worse than doing nothing", value: (row) => row.harm?.share, show: (row) => (row.harm ? `${row.harm.count} of ${row.ranking.n}` : ""), number: true, best: "high" },
      { title: "worst picture", value: (row) => row.harm?.worst, show: (row) => row.harm?.worst ?? "" },
      { title: "seconds", value: (row) => row.seconds, show: (row) => shownSeconds(row.seconds), number: true },
    ], rows, { heading: true, muted: (row) => row.rank == null }));
  }
  const failed = data.rankings.flatMap((ranking) => [
    ...Object.entries(ranking.failures[id] ?? {}).map(([picture, why]) => `${ranking.name}, ${picture}: ${why}`),
    ...Object.entries(ranking.remarks[id] ?? {}).map(([remark, count]) => `${ranking.name}: ${remark} (${count} pictures)`),
  ]);
  shown.push(el("h2", {}, "Failures and remarks in the runs"), failed.length ? notes(failed) : el("p", { class: "note" }, "None."));
  if (facts.figures?.length) {
    shown.push(el("h2", {}, "Figures of its card"), sortable("figures of the card", [
      { title: "metric", value: (row) => row[0] }, { title: "value", value: (row) => row[1], number: true },
      { title: "data", value: (row) => row[2] }, { title: "protocol", value: (row) => row[3] }, { title: "source", value: (row) => row[4] },
    ], facts.figures));
  }
  return shown;
}

function shownMean(row) {
  const found = row.means[row.ranking.primary];
  const digits = data.metrics[row.ranking.primary]?.digits ?? 4;
  return found ? number(found[0], digits) + interval(found[1], found[2], (end) => number(end, digits)) : "";
}

/** On how many pictures a run is worse than the baseline by the ranking metric, and the picture with the largest loss. */
function harmOf(ranking, row) {
  const baseline = ranking.rows.find((each) => data.models[each.model].baseline);
  if (!baseline || baseline.model === row.model) return null;
  const sign = data.metrics[ranking.primary].higher ? 1 : -1;
  const [own, floor] = [row.values[ranking.primary], baseline.values[ranking.primary]];
  if (!own || !floor) return null;
  const gains = own.map((value, i) => (value == null || floor[i] == null ? 0 : sign * (value - floor[i])));
  const count = gains.filter((gain) => gain < 0).length;
  const worst = gains.indexOf(Math.min(...gains));
  return { count, share: count / gains.length, worst: count ? ranking.pictures[worst] : null };
}

function compare(a, b) {
  const known = Object.keys(data.models);
  const choose = (value, change) => el("select", { onchange: (event) => change(event.target.value), "aria-label": "model" },
    el("option", { value: "" }, "choose a model"), known.map((model) => el("option", { value: model, selected: model === value }, model)));
  const go = (x, y) => { location.hash = address(...["compare", x, y].filter(Boolean)); };
  const shown = [el("h1", {}, a && b ? `${a} and ${b}` : "Compare two models"),
    el("div", { class: "pair" }, choose(a, (x) => go(x, b)), "and", choose(b, (y) => go(a, y)))];
  if (!a || !b) return shown;
  if (!data.models[a] || !data.models[b]) return missing("model", data.models[a] ? b : a);
  if (a === b) return [...shown, el("p", {}, "Choose two different models.")];
  const shared = data.rankings.map((ranking) => duel(ranking, a, b)).filter(Boolean);
  if (!shared.length) return [...shown, el("p", {}, "They were never measured on the same pictures.")];
  const detail = el("div");
  shown.push(sortable("comparison", [
    { title: "data set / scenario", value: (row) => row.ranking.name, show: (row) => el("button", { type: "button", class: "plain", onclick: () => open(row) }, row.ranking.name) },
    { title: "metric", value: (row) => row.metric },
    { title: a, value: (row) => row.means[0], show: (row) => number(row.means[0], row.digits), number: true },
    { title: b, value: (row) => row.means[1], show: (row) => number(row.means[1], row.digits), number: true },
    { title: "difference", value: (row) => row.difference, show: (row) => signed(row.difference, row.digits) + interval(row.low, row.high, (end) => signed(end, row.digits)), number: true },
    { title: `${b} better on`, value: (row) => row.wins, show: (row) => share(row.wins), number: true, best: "high" },
    { title: "pictures", value: (row) => row.ranking.n, number: true, best: "high" },
    { title: "verdict", value: (row) => row.verdict },
  ], shared, { heading: true }),
  el("p", { class: "note" }, `Difference: ${b} minus ${a}, with the 95 % bootstrap interval. The verdict is the signed-rank test's, corrected for all pairs of the ranking. Choose a scenario to see it picture by picture.`), detail);
  function open(row, metric = row.ranking.primary) {
    const { digits, higher } = data.metrics[metric];
    const [first, second] = row.rows.map((each) => each.values[metric] ?? []);
    const pictures = row.ranking.pictures.map((picture, i) => ({ picture, a: first[i], b: second[i] }))
      .filter((each) => each.a != null && each.b != null)
      .map((each) => ({ ...each, difference: Number((each.b - each.a).toFixed(digits + 1)), better: (each.b - each.a) * (higher ? 1 : -1) > 0 }))
      .sort((x, y) => x.difference - y.difference);
    const both = row.ranking.metrics.filter((name) => row.rows.every((each) => each.values[name]) && data.metrics[name]);
    detail.replaceChildren(
      el("h2", {}, `${row.ranking.name}, picture by picture`),
      el("label", { class: "muted" }, "metric ", el("select", { onchange: (event) => open(row, event.target.value) }, both.map((name) => el("option", { value: name, selected: name === metric }, name)))),
      chart("differences", data.charts.differences, pictures, "difference on each picture", { params: [{ name: "title", value: `${metric}: ${b} minus ${a}` }] }),
      el("p", { class: "note" }, `Full bars: ${b} is better (${higher ? "higher" : "lower"} is better).`),
      sortable("pictures", [
        { title: "picture", value: (each) => each.picture },
        { title: a, value: (each) => each.a, show: (each) => number(each.a, digits), number: true, best: higher ? "high" : "low" },
        { title: b, value: (each) => each.b, show: (each) => number(each.b, digits), number: true, best: higher ? "high" : "low" },
        { title: "difference", value: (each) => each.difference, show: (each) => signed(each.difference, digits), number: true, best: "high" },
      ], pictures, { heading: true }));
    draw();
  }
  open(shared.reduce((best, row) => (row.ranking.n > best.ranking.n ? row : best)));
  return shown;
}

/** Two models on one ranking, or null where one of them was not measured. */
function duel(ranking, a, b) {
  const places = [a, b].map((model) => ranking.rows.findIndex((row) => row.model === model));
  if (places.includes(-1)) return null;
  const metric = ranking.primary;
  const rows = places.map((place) => ranking.rows[place]);
  const means = rows.map((row) => row.means[metric][0]);
  const digits = data.metrics[metric].digits;
  const [i, j] = [...places].sort((x, y) => x - y);
  const found = ranking.pairs.find((pair) => pair[0] === i && pair[1] === j);
  const base = { ranking, metric, rows, means, digits };
  if (!found) return { ...base, difference: means[1] - means[0], wins: null, verdict: rows.some((row) => row.rank == null) ? "not ranked" : "not tested" };
  const turned = places[0] > places[1];
  const [, , direction, p, difference, low, high, wins] = found;
  const better = direction === 0 ? null : (direction > 0) === turned ? a : b;
  return {
    ...base, difference: turned ? -difference : difference, low: turned && high != null ? -high : low, high: turned && low != null ? -low : high,
    wins: turned ? 1 - wins : wins,
    verdict: better ? `${better} is better (p = ${p})` : ranking.demonstration ? "too few pictures" : `cannot be told apart (p = ${p})`,
  };
}

function missing(kind, name) {
  return [el("h1", {}, "Not found"), el("p", {}, `There is no ${kind} '${name}' here.`)];
}

// ---- filters and routes

const PAGES = { "": useCases, use: useCase, scenarios, scenario, models, model, compare };
const FILTERED = ["use", "scenarios", "scenario", "models"];

function buildFilters() {
  const form = document.getElementById("filters");
  const models = Object.values(data.models);
  const choose = (name, title, options) =>
    el("label", {}, title, el("select", { name, onchange: (event) => { filters[name] = event.target.value; render(); } },
      options.map(([value, text]) => el("option", { value }, text))));
  const tasks = Object.keys(data.tasks).filter((task) => models.some((facts) => facts.tasks.includes(task)));
  const licenses = [...new Set(models.map((facts) => facts.license))].sort();
  form.replaceChildren(
    choose("task", "task", [["", "all"], ...tasks.map((task) => [task, task])]),
    choose("license", "license", [["", "any"], ["permissive", "permissive"], ...licenses.map((name) => [name, name])]),
    choose("size", "parameters", [["", "any number"], ["0", "none (classical)"], ["1000000", "up to 1 M"], ["5000000", "up to 5 M"], ["50000000", "up to 50 M"]]),
    el("label", {}, el("input", { type: "checkbox", name: "offline", onchange: (event) => { filters.offline = event.target.checked; render(); } }), "offline"),
  );
  form.addEventListener("submit", (event) => event.preventDefault());
}

function draw() {
  for (const each of drawn.splice(0)) each();
}

function render() {
  const [page = "", ...rest] = location.hash.replace(/^#\/?/, "").split("/").map(decode);
  drawn.length = 0;
  const known = Object.hasOwn(PAGES, page);
  main.replaceChildren(...(known ? PAGES[page](...rest) : missing("page", page)).filter(Boolean));
  document.getElementById("filters").hidden = !FILTERED.includes(page);
  document.getElementById("filters").style.display = FILTERED.includes(page) ? "" : "none";
  for (const each of document.querySelectorAll("nav a")) {
    const target = each.getAttribute("href").slice(2);
    const here = target === page || (target === "" && page === "use") || `${page}s` === target;
    if (here) each.setAttribute("aria-current", "page");
    else each.removeAttribute("aria-current");
  }
  document.title = `${main.querySelector("h1").textContent} - Restoration Zoo`;
  showPicked();
  draw();
}

function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

buildFilters();
document.getElementById("about").append(
  `${data.runs} ranked runs, the last measured on ${data.measured}; version ${data.version}. All rows: `,
  el("a", { href: "leaderboard.csv", download: true }, "CSV"), ", ", el("a", { href: "leaderboard.parquet", download: true }, "Parquet"),
  ". Charts by Vega-Lite.");
window.addEventListener("hashchange", () => { render(); window.scrollTo(0, 0); });
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", render);
render();

// Results side by side: a slider between any two, or all in a grid that zooms and moves together.
(() => {
  const e = rz.element;

  rz.viewer = (root, props, trigger, watch) => {
    const home = root.querySelector(".rz-viewer");
    const state = { items: [], a: 0, b: 1, mode: "slider", split: 0.5, flipped: false, errors: false };
    let drawing = false;
    const redraw = () => {
      if (drawing) return;
      drawing = true;
      requestAnimationFrame(() => { drawing = false; draw(); });
    };
    const view = new rz.View(redraw);

    // --- the elements
    const button = (text, label, act, extra = {}) =>
      e("button", { type: "button", "aria-label": label, title: label, onclick: act, ...extra }, text);
    const modes = {
      slider: button("Slider", "Slider between two pictures (s)", () => setMode("slider")),
      grid: button("Grid", "All results in a grid (g)", () => setMode("grid")),
    };
    const choose = (label, which) => e("select", { "aria-label": label, onchange: (event) => pick(which, Number(event.target.value)) });
    const [left, right] = [choose("Left picture", "a"), choose("Right picture", "b")];
    const errors = button("Errors", "Where the results differ from the undamaged picture", () => {
      state.errors = !state.errors; refresh();
    }, { "aria-pressed": "false" });
    const zoom = e("output", { class: "rz-zoom", "aria-label": "Zoom" });
    const bar = e("div", { class: "rz-bar", role: "toolbar", "aria-label": "View" },
      e("span", { class: "rz-set" }, modes.slider, modes.grid, errors),
      e("span", { class: "rz-set rz-pair" }, left, e("span", { "aria-hidden": "true" }, "|"), right),
      e("span", { class: "rz-set" },
        button("−", "Zoom out (-)", () => view.by(1 / 1.5, 0, 0)), zoom, button("+", "Zoom in (+)", () => view.by(1.5, 0, 0)),
        button("1:1", "One picture pixel per screen pixel (1:1)", () => view.to(1)), button("Fit", "Show all (0)", () => view.fit()),
        button("Full", "Full screen (f)", () => full())));
    const panes = e("div", { class: "rz-panes" });
    const help = e("p", { class: "rz-help" },
      "Drag the handle; scroll or pinch to zoom, drag to move. Keys: 1–9 result, space original, s slider, g grid, f full screen.");
    const strip = e("ol", { class: "rz-strip", "aria-label": "Results" });
    const note = e("p", { class: "rz-note", hidden: true });
    const saving = e("p", { class: "rz-saving", hidden: true });
    home.append(note, bar, panes, strip, saving, help);
    home.tabIndex = 0;

    // --- what is shown
    const setMode = (mode) => { state.mode = mode; view.fit(); refresh(); };
    const pick = (which, index) => {
      if (index < 0 || index >= state.items.length) return;
      state[which] = index;
      refresh();
    };
    const full = () => (document.fullscreenElement ? document.exitFullscreen() : home.requestFullscreen?.());
    const shownOf = (item) => (state.errors && item.error ? item.error : item);

    const take = (value) => {
      const before = state.items[0]?.view.url;
      const items = [];
      const add = (picture, more) => items.push({
        view: picture.file, small: picture.small, width: picture.width, height: picture.height, ...more,
      });
      if (value?.input) {
        add(value.input, { label: value.input_label || "Original", scores: value.input_scores || [] });
        if (value.truth) add(value.truth, { label: "Undamaged", truth: true, scores: [] });
        for (const result of value.results || []) {
          if (!result.view) continue;
          const error = result.error && { view: result.error.file, small: result.error.small,
                                          width: result.error.width, height: result.error.height };
          add(result.view, { label: result.label, result, error, scores: result.scores || [] });
        }
      }
      const known = state.items.length;
      state.items = items;
      state.value = value;
      if (items[0]?.view.url !== before) {
        Object.assign(state, { a: 0, b: Math.max(1, items.findIndex((item) => item.result)), flipped: false, errors: false });
        view.fit();
      } else if (known < 2 || !state.items[state.b]?.result) state.b = Math.max(1, items.findIndex((item) => item.result));
      state.b = Math.min(state.b, Math.max(0, items.length - 1));
      state.a = Math.min(state.a, Math.max(0, items.length - 1));
      refresh();
    };

    const refresh = () => {
      const { items, mode } = state;
      home.dataset.state = items.length ? "filled" : "empty";
      home.dataset.mode = mode;
      note.hidden = !state.value?.note;
      note.textContent = state.value?.note || "";
      for (const [name, made] of Object.entries(modes)) made.setAttribute("aria-pressed", String(name === mode));
      errors.hidden = !items.some((item) => item.error);
      errors.setAttribute("aria-pressed", String(state.errors));
      for (const [select, which] of [[left, "a"], [right, "b"]]) {
        select.replaceChildren(...items.map((item, index) => e("option", { value: index }, item.label)));
        select.value = String(state[which]);
      }
      bar.querySelector(".rz-pair").hidden = mode === "grid" || items.length < 2;
      const count = mode === "grid" ? items.length : Math.min(1, items.length);
      while (panes.children.length > count) panes.lastChild.remove();
      while (panes.children.length < count) panes.append(pane(panes.children.length));
      panes.style.setProperty("--columns", count <= 1 ? 1 : count <= 4 ? 2 : 3);
      cards();
      const saves = state.value?.bundle;
      saving.hidden = !saves;
      saving.replaceChildren(...(saves ? [e("a", { href: saves.url, download: saves.orig_name || "results.zip", class: "rz-link" }, "Download all as a zip, with what was done"),
        button("Copy a link to these settings", "Copy a link to these settings", copyLink)] : []));
      redraw();
    };

    const copyLink = async (event) => {
      const link = new URL(location.href);
      link.search = new URLSearchParams(state.value.settings || {}).toString();
      history.replaceState(null, "", link);
      try { await navigator.clipboard.writeText(link.href); event.target.textContent = "Copied"; }
      catch { event.target.textContent = "The link is in the address bar"; }
    };

    const pane = (index) => {
      const canvas = e("canvas", { role: "img" });
      const made = e("div", { class: "rz-pane" }, canvas, e("span", { class: "rz-tag rz-tag-a" }), e("span", { class: "rz-tag rz-tag-b" }));
      const handle = e("div", { class: "rz-handle", role: "slider", tabindex: "0", "aria-label": "Divider between the two pictures",
        "aria-valuemin": "0", "aria-valuemax": "100", onkeydown: (event) => {
          const step = { ArrowLeft: -0.02, ArrowRight: 0.02, PageDown: -0.1, PageUp: 0.1, Home: -1, End: 1 }[event.key];
          if (step === undefined) return;
          event.preventDefault();
          event.stopPropagation();
          state.split = Math.min(1, Math.max(0, state.split + step));
          redraw();
        } }, e("span", {}));
      made.append(handle);
      rz.gestures(made, view, {
        start: (x, y, width) => {
          if (state.mode !== "slider" || state.items.length < 2) return false;
          if (!view.fitted && Math.abs(x - state.split * width) > 24) return false;
          state.split = Math.min(1, Math.max(0, x / width));
          redraw();
          return true;
        },
        move: (x, y, width) => { state.split = Math.min(1, Math.max(0, x / width)); redraw(); },
      });
      return made;
    };

    const draw = () => {
      const { items, mode } = state;
      if (!items.length || !panes.children.length) return;
      view.size = items.reduce((most, item) => (item.width > most[0] ? [item.width, item.height] : most), [1, 1]);
      const ratio = view.ratio;
      [...panes.children].forEach((made, index) => {
        const canvas = made.querySelector("canvas");
        const box = made.getBoundingClientRect();
        if (!box.width) return;
        view.pane = [box.width, box.height];
        const [width, height] = [Math.round(box.width * ratio), Math.round(box.height * ratio)];
        if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
        const context = canvas.getContext("2d");
        context.clearRect(0, 0, width, height);
        const paint = (item, from, to) => {
          const bitmap = rz.best(shownOf(item), view, redraw);
          if (bitmap) rz.draw(context, bitmap, view, from, to);
          return Boolean(bitmap);
        };
        const slider = mode === "slider" && items.length > 1 && !state.flipped;
        const handle = made.querySelector(".rz-handle");
        handle.hidden = !slider;
        const [tagA, tagB] = made.querySelectorAll(".rz-tag");
        let ready;
        if (slider) {
          const split = Math.round(state.split * width);
          ready = [paint(items[state.a], 0, split), paint(items[state.b], split, width)].every(Boolean);
          handle.style.left = `${state.split * 100}%`;
          handle.setAttribute("aria-valuenow", String(Math.round(state.split * 100)));
          handle.setAttribute("aria-valuetext", `${Math.round(state.split * 100)} percent ${items[state.a].label}`);
          tagA.textContent = items[state.a].label;
          tagB.textContent = items[state.b].label;
          canvas.setAttribute("aria-label", `Left ${items[state.a].label}, right ${items[state.b].label}`);
        } else {
          const item = state.flipped ? items[0] : mode === "grid" ? items[index] : items[0];
          ready = paint(item, 0, width);
          tagA.textContent = mode === "grid" && index > 0 ? `${number(items[index]) || ""} ${item.label}`.trim() : item.label;
          tagB.textContent = "";
          canvas.setAttribute("aria-label", item.label);
        }
        made.dataset.ready = String(ready);
        made.style.touchAction = view.fitted ? "pan-y" : "none";
      });
      zoom.textContent = `${Math.round(view.zoom * 100)} %`;
    };

    // --- the cards
    const number = (item) => state.items.filter((each) => each.result).indexOf(item) + 1;
    const cards = () => {
      const results = state.value?.results || [];
      strip.replaceChildren(...results.map((result) => {
        const item = state.items.find((each) => each.result === result);
        if (!item) {
          return e("li", { class: "rz-card rz-failed" }, e("strong", {}, result.label), e("span", {}, result.failed || "failed"));
        }
        const index = state.items.indexOf(item);
        const place = number(item);
        const facts = [result.seconds !== null ? `${result.seconds < 10 ? result.seconds.toFixed(2) : Math.round(result.seconds)} s` : null,
                       `${item.width} × ${item.height} px`, result.license].filter(Boolean).join(" · ");
        const before = Object.fromEntries((state.value.input_scores || []).map((score) => [score.id, score]));
        const table = e("dl", { class: "rz-scores" }, ...item.scores.flatMap((score) => {
          const was = before[score.id];
          const gain = was ? score.value - was.value : 0;
          const better = was && gain !== 0 ? (gain > 0) === score.higher_is_better : null;
          const change = better === null ? "" : better ? " ▲" : " ▼";
          return [e("dt", { title: `${score.about}; ${score.higher_is_better ? "higher" : "lower"} is better` }, score.title),
                  e("dd", { class: better === null ? "" : better ? "rz-better" : "rz-worse",
                            title: was ? `before: ${was.shown}` : "" }, score.shown + change)];
        }));
        const card = e("li", { class: "rz-card" },
          e("button", { type: "button", class: "rz-pick", "aria-pressed": String(index === state.b && state.mode === "slider"),
            onclick: () => { state.mode = "slider"; pick("b", index); } },
            place < 10 ? e("kbd", {}, String(place)) : null, e("strong", {}, result.title), e("span", { class: "rz-id" }, result.label)),
          e("span", { class: "rz-facts" }, facts, result.offline ? e("span", { class: "rz-badge", title: "Its weights are on this machine" }, "offline") : null),
          table,
          ...(result.notes || []).map((text) => e("span", { class: "rz-remark" }, text)),
          e("span", { class: "rz-actions" },
            ...(result.files || []).map((file) => e("a", { class: "rz-link", href: file.file.url, download: file.file.orig_name || "" }, `Save ${file.label}`)),
            result.files?.length ? e("button", { type: "button", class: "rz-link", onclick: () => rz.useAsInput(root, result.files[0].file) }, "Use as input") : null));
        return card;
      }));
    };

    // --- keys
    const isTyping = (target) => target.closest?.("input, textarea, select, [contenteditable], [role=listbox]");
    document.addEventListener("keydown", (event) => {
      if (!home.isConnected || !home.offsetParent || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      const results = state.items.filter((item) => item.result);
      if (/^[1-9]$/.test(event.key) && results[event.key - 1]) {
        state.flipped = false;
        state.mode = "slider";
        pick("b", state.items.indexOf(results[event.key - 1]));
      } else if (event.key === " " && !event.target.closest?.("button, a")) { state.flipped = !state.flipped; redraw(); }
      else if (event.key === "s") setMode("slider");
      else if (event.key === "g") setMode("grid");
      else if (event.key === "f") full();
      else if (event.key === "+" || event.key === "=") view.by(1.5, 0, 0);
      else if (event.key === "-") view.by(1 / 1.5, 0, 0);
      else if (event.key === "0") view.fit();
      else return;
      event.preventDefault();
    });
    new ResizeObserver(redraw).observe(panes);
    window.addEventListener("resize", redraw);
    watch("value", () => take(rz.plain(props.value)));
    home.rz = { state, view, redraw };
    take(rz.plain(props.value));
  };

  /** Put a result into the picture input of the tab that it belongs to. */
  rz.useAsInput = (root, file) => {
    const area = root.closest(".rz-work");
    const kind = (area?.id || "work").replace(/^work-?/, "");  // "", "faces", "test", ...
    const target = rz.input(kind ? `${kind}-picture` : "picture");
    if (!target) return;
    target.value = { ...file };
    (area || root).scrollIntoView({ block: "start", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  };
})();

// A mask painted on the picture itself: brush, eraser, rectangle, lasso; a mask of the server's replaces it.
(() => {
  const e = rz.element;
  const MOST = 2048;

  rz.painter = (root, props, upload, watch, name) => {
    const home = root.querySelector(".rz-painter");
    const mask = document.createElement("canvas");
    const pen = mask.getContext("2d", { willReadFrequently: true });
    const tinted = document.createElement("canvas");
    let item = null;
    let tool = "brush";
    let last = null;
    let shape = null;
    let sent = null;
    let turn = 0;
    const history = [];
    const view = new rz.View(() => requestAnimationFrame(() => draw()));

    const tools = {};
    const add = (id, text, label) => {
      tools[id] = e("button", { type: "button", title: label, "aria-label": label, onclick: () => choose(id) }, text);
      return tools[id];
    };
    const size = e("input", { type: "range", min: "2", max: "200", value: "32", "aria-label": "Size of the brush" });
    const count = e("output", { class: "rz-zoom", "aria-live": "polite" });
    const bar = e("div", { class: "rz-bar", role: "toolbar", "aria-label": "Mask" },
      e("span", { class: "rz-set" }, add("brush", "Brush", "Paint the mask"), add("eraser", "Eraser", "Take away from the mask"),
        add("box", "Box", "Draw a rectangle"), add("lasso", "Lasso", "Draw around an area"), add("hand", "Move", "Move the picture")),
      e("label", { class: "rz-set rz-size" }, "Size", size),
      e("span", { class: "rz-set" },
        e("button", { type: "button", onclick: () => undo(), title: "Undo (Ctrl+Z)" }, "Undo"),
        e("button", { type: "button", onclick: () => { keep(); clear(); sync(); } }, "Clear"),
        e("button", { type: "button", onclick: () => { keep(); invert(); sync(); } }, "Invert"),
        e("button", { type: "button", onclick: () => view.fit() }, "Fit")), count);
    const canvas = e("canvas", { role: "img", tabindex: "0", "aria-label": "Your picture; paint the mask on it" });
    const pane = e("div", { class: "rz-pane" }, canvas);
    home.append(bar, e("div", { class: "rz-panes" }, pane));
    home.tabIndex = -1;

    const choose = (id) => {
      tool = id;
      for (const [each, made] of Object.entries(tools)) made.setAttribute("aria-pressed", String(each === id));
      pane.style.cursor = id === "hand" ? "grab" : "crosshair";
    };
    choose("brush");

    const keep = () => { history.push(pen.getImageData(0, 0, mask.width, mask.height)); if (history.length > 12) history.shift(); };
    const undo = () => { const before = history.pop(); if (before) { pen.putImageData(before, 0, 0); draw(); sync(); } };
    const clear = () => { pen.clearRect(0, 0, mask.width, mask.height); draw(); };
    const invert = () => {
      const data = pen.getImageData(0, 0, mask.width, mask.height);
      for (let at = 3; at < data.data.length; at += 4) {
        const value = data.data[at] > 127 ? 0 : 255;
        data.data.set([255, 255, 255, value], at - 3);
      }
      pen.putImageData(data, 0, 0);
      draw();
    };
    const share = () => {
      const step = Math.max(1, Math.floor((mask.width * mask.height) / 4e5));
      const data = pen.getImageData(0, 0, mask.width, mask.height).data;
      let painted = 0, all = 0;
      for (let at = 3; at < data.length; at += 4 * step) { all += 1; painted += data[at] > 127 ? 1 : 0; }
      return all ? painted / all : 0;
    };
    const isEmpty = () => {
      const data = new Uint32Array(pen.getImageData(0, 0, mask.width, mask.height).data.buffer);
      return !data.some((pixel) => pixel >>> 31);
    };

    /** Send the mask to the server, black and white. */
    const sync = () => {
      const number = ++turn;
      const input = rz.input(name);
      if (isEmpty()) { sent = null; input.value = null; say(); return; }
      say();
      rz.hold((async () => {
        const flat = document.createElement("canvas");
        [flat.width, flat.height] = [mask.width, mask.height];
        const context = flat.getContext("2d", { willReadFrequently: true });
        context.drawImage(mask, 0, 0);
        const data = context.getImageData(0, 0, flat.width, flat.height);
        for (let at = 0; at < data.data.length; at += 4) {
          const value = data.data[at + 3] > 127 ? 255 : 0;  // soft edges of strokes are cut
          data.data.set([value, value, value, 255], at);
        }
        context.putImageData(data, 0, 0);
        const blob = await new Promise((done) => flat.toBlob(done, "image/png"));
        const file = new File([blob], "mask.png", { type: "image/png" });
        const answer = await upload(file);
        if (number !== turn) return;  // painted on meanwhile
        sent = answer.path;
        input.value = rz.file(file, answer);
      })());
    };
    const say = () => {
      const part = share();
      count.textContent = part ? `${part < 0.01 ? "under 1" : Math.round(part * 100)} % marked` : "nothing marked";
      home.dataset.marked = String(Math.round(part * 1e4));
    };

    /** A mask that the server set, or none: it replaces what was painted. */
    const replace = (file) => {
      if ((file ? file.path : null) === sent) return;
      turn += 1;
      sent = file ? file.path : null;
      if (!file) { history.length = 0; clear(); say(); return; }
      rz.bitmap(file.url).promise.then((bitmap) => {
        if (file.path !== sent) return;
        keep();
        pen.clearRect(0, 0, mask.width, mask.height);
        pen.imageSmoothingEnabled = bitmap.width > mask.width;
        pen.drawImage(bitmap, 0, 0, mask.width, mask.height);
        const data = pen.getImageData(0, 0, mask.width, mask.height);
        for (let at = 0; at < data.data.length; at += 4) {
          const bright = data.data[at] > 127 ? 255 : 0;
          data.data.set([255, 255, 255, bright], at);
        }
        pen.putImageData(data, 0, 0);
        draw();
        say();
      }, () => {});
    };

    const at = (x, y, width, height) => {
      const [u, v] = view.point(x, y, width, height);
      return [u * mask.width, v * mask.height];
    };
    const thickness = () => Math.max(1, (Number(size.value) * mask.width * view.ratio) / (view.size[0] * view.zoom));
    const stroke = (from, to) => {
      pen.globalCompositeOperation = tool === "eraser" ? "destination-out" : "source-over";
      pen.strokeStyle = "#fff";
      pen.lineCap = pen.lineJoin = "round";
      pen.lineWidth = thickness();
      pen.beginPath();
      pen.moveTo(...from);
      pen.lineTo(to[0] + (from[0] === to[0] && from[1] === to[1] ? 0.01 : 0), to[1]);
      pen.stroke();
      pen.globalCompositeOperation = "source-over";
    };
    rz.gestures(pane, view, {
      start: (x, y, width, height) => {
        if (!item || tool === "hand") return false;
        keep();
        last = at(x, y, width, height);
        if (tool === "box" || tool === "lasso") shape = [last];
        else stroke(last, last);
        draw();
        return true;
      },
      move: (x, y, width, height) => {
        const now = at(x, y, width, height);
        if (tool === "box") shape = [shape[0], now];
        else if (tool === "lasso") shape.push(now);
        else stroke(last, now);
        last = now;
        draw();
      },
      cancel: () => { const before = history.pop(); if (before) pen.putImageData(before, 0, 0); shape = null; draw(); },
      end: () => {
        if (shape?.length > 1) {
          pen.fillStyle = "#fff";
          pen.beginPath();
          outline(pen, shape);
          pen.fill();
        }
        shape = null;
        draw();
        sync();
      },
    });
    const outline = (context, points, map = (point) => point) => {
      const corners = tool === "box" ? [points[0], [points[1][0], points[0][1]], points[1], [points[0][0], points[1][1]]] : points;
      corners.map(map).forEach((point, index) => (index ? context.lineTo(...point) : context.moveTo(...point)));
      context.closePath();
    };

    const draw = () => {
      const box = pane.getBoundingClientRect();
      if (!item || !box.width) return;
      view.pane = [box.width, box.height];
      const [width, height] = [Math.round(box.width * view.ratio), Math.round(box.height * view.ratio)];
      if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
      const context = canvas.getContext("2d");
      context.clearRect(0, 0, width, height);
      const bitmap = rz.best(item, view, () => requestAnimationFrame(draw));
      pane.dataset.ready = String(Boolean(bitmap));
      if (bitmap) rz.draw(context, bitmap, view);
      if (tinted.width !== mask.width || tinted.height !== mask.height) [tinted.width, tinted.height] = [mask.width, mask.height];
      const tint = tinted.getContext("2d");
      tint.globalCompositeOperation = "copy";
      tint.drawImage(mask, 0, 0);
      tint.globalCompositeOperation = "source-in";
      tint.fillStyle = "rgb(236, 0, 140)";
      tint.fillRect(0, 0, tinted.width, tinted.height);
      context.globalAlpha = 0.55;
      rz.draw(context, tinted, view);
      context.globalAlpha = 1;
      if (shape?.length > 1) {
        const [left, top] = view.origin(width, height);
        const scale = [(view.size[0] * view.zoom) / mask.width, (view.size[1] * view.zoom) / mask.height];
        context.beginPath();
        outline(context, shape, ([x, y]) => [left + x * scale[0], top + y * scale[1]]);
        context.strokeStyle = "rgb(236, 0, 140)";
        context.lineWidth = 2 * view.ratio;
        context.stroke();
      }
    };

    const take = (value) => {
      const next = value?.file ? { view: value.file, small: value.small, width: value.width, height: value.height } : null;
      if (next?.view.url === item?.view.url) return;
      item = next;
      home.dataset.state = item ? "filled" : "empty";
      if (!item) return;
      const factor = Math.min(1, MOST / Math.max(item.width, item.height));
      [mask.width, mask.height] = [Math.max(1, Math.round(item.width * factor)), Math.max(1, Math.round(item.height * factor))];
      history.length = 0;
      sent = null;
      turn += 1;
      view.size = [item.width, item.height];
      view.fit();
      say();
      draw();
      const now = rz.input(name)?.value;
      if (now) replace(now);
      const area = root.closest(".rz-work");
      if (area) rz.show(area.id, "paint");
    };
    home.addEventListener("keydown", (event) => {
      if ((event.ctrlKey || event.metaKey) && event.key === "z") { event.preventDefault(); undo(); }
      else if (event.key === "[" || event.key === "]") size.value = String(Number(size.value) + (event.key === "]" ? 4 : -4));
    });
    new ResizeObserver(() => draw()).observe(pane);
    rz.whenRegistered(name, (input) => input.told.add(replace));
    watch("value", () => take(rz.plain(props.value)));
    home.rz = { view, mask };
    take(rz.plain(props.value));
  };
})();

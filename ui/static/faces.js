// The picture with a box over each face; clicking one chooses it, and clicking it again chooses all.
rz.faces = (root, props, watch) => {
  const e = rz.element;
  const home = root.querySelector(".rz-faces");
  const say = (text) => {
    const field = document.querySelector("#faces-only textarea, #faces-only input");
    if (!field) return;
    field.value = text;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const take = (value) => {
    home.replaceChildren();
    if (!value?.view) return;
    const { width, height } = value.view;
    const picture = e("img", { src: (value.view.small || value.view.file).url, alt: "Your picture" });
    const frame = e("div", { class: "rz-faces-frame" }, picture);
    const buttons = value.boxes.map(([x0, y0, x1, y1], index) => {
      const made = e("button", { type: "button", "aria-label": `Face ${index + 1}`, "aria-pressed": "true",
        style: `left:${x0 * 100}%;top:${y0 * 100}%;width:${(x1 - x0) * 100}%;height:${(y1 - y0) * 100}%`,
        onclick: () => {
          const alone = buttons.every((each) => (each.getAttribute("aria-pressed") === "true") === (each === made));
          const all = alone && buttons.length > 1;
          buttons.forEach((each) => each.setAttribute("aria-pressed", String(all || each === made)));
          say(all || buttons.length === 1 ? "all" : `${Math.round(((x0 + x1) / 2) * width)},${Math.round(((y0 + y1) / 2) * height)}`);
        } }, String(index + 1));
      return made;
    });
    frame.append(...buttons);
    home.append(frame);
  };
  watch("value", () => take(rz.plain(props.value)));
  take(rz.plain(props.value));
};

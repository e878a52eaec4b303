// Where a picture comes in: a drop zone, the clipboard, a file dialog, an example; dropping works all over the tab.
(() => {
  const e = rz.element;

  rz.drop = (root, props, upload, watch, name) => {
    const zone = root.querySelector(".rz-drop");
    const file = e("input", { type: "file", accept: zone.dataset.accept, "aria-label": zone.dataset.label, multiple: zone.dataset.many === "1" });
    const text = zone.querySelector(".rz-drop-text");
    const thumb = zone.querySelector("img");
    const idle = text.textContent;
    zone.prepend(file);

    const show = (value) => {
      zone.dataset.state = value ? "filled" : "empty";
      text.textContent = value ? value.orig_name || "A result" : idle;
    };
    const take = (files) => {
      const chosen = files[0];
      if (!chosen) return;
      zone.dataset.state = "busy";
      text.textContent = `Uploading ${chosen.name}…`;
      rz.hold(upload(chosen).then(
        (sent) => { props.value = rz.file(chosen, sent); show(rz.plain(props.value)); },
        (error) => { show(rz.plain(props.value)); text.textContent = "The upload failed; is the file larger than 200 MB?"; }));
    };
    file.addEventListener("change", () => { take([...file.files]); file.value = ""; });
    const area = () => zone.closest(".rz-work") || zone;
    const over = (event) => {
      if (!zone.isConnected || !zone.offsetParent || ![...(event.dataTransfer?.types || [])].includes("Files")) return false;
      event.preventDefault();
      return true;
    };
    document.addEventListener("dragover", (event) => { if (over(event)) zone.dataset.over = "1"; });
    document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) delete zone.dataset.over; });
    document.addEventListener("drop", (event) => {
      delete zone.dataset.over;
      if (over(event)) take([...event.dataTransfer.files]);
    });
    document.addEventListener("paste", (event) => {
      if (zone.isConnected && zone.offsetParent && event.clipboardData?.files.length) take([...event.clipboardData.files]);
    });
    rz.register(name, props, watch);
    rz.input(name).told.add(show);
    show(rz.plain(props.value));
  };

  /** A row of pictures to click; the index goes to the server. */
  rz.thumbs = (root, props, trigger) => {
    root.addEventListener("click", (event) => {
      const chosen = event.target.closest("button[data-index]");
      if (chosen) { props.value = ""; props.value = `${chosen.dataset.index}`; trigger("choose", {}); }
    });
  };
})();

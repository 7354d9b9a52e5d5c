
(function () {
  const get = (name) => document.getElementById("viewer-" + name);
  const data = JSON.parse(get("data").textContent);
  const names = Object.keys(data.words), images = get("images"), spot = document.createElement("canvas");
  spot.width = spot.height = 1;
  const paint = spot.getContext("2d", { willReadFrequently: true });
  const radios = (side) => [...document.getElementsByName("viewer-" + side)];
  const chosen = (side) => radios(side).find((one) => one.checked).value;
  const show = () => {
    const number = Number(get("section").value), line = Number(get("line").value);
    get("title").textContent = data.titles[number];
    for (const side of ["left", "right"]) {
      const name = chosen(side), image = get("image-" + side);
      if (image.src !== data.images[name][number]) image.src = data.images[name][number];
      image.alt = data.titles[number] + ", " + name;
    }
    get("image-right").style.clipPath = "inset(0 0 0 " + line + "%)";
    get("mark").style.left = line + "%";
    get("caption").textContent = data.titles[number] + ": left of the line " + chosen("left") +
      ", right of it " + chosen("right");
  };
  const step = (name, by) => {
    get(name).value = Number(get(name).value) + by;
    show();
  };
  /* What a pixel of an image is: a word by its colour, else its grey. */
  const meaning = (side, x, y) => {
    const name = chosen(side);
    paint.drawImage(get("image-" + side), x, y, 1, 1, 0, 0, 1, 1);
    const [red, green, blue] = paint.getImageData(0, 0, 1, 1).data;
    const away = ([colour]) =>
      Math.abs(colour[0] - red) + Math.abs(colour[1] - green) + Math.abs(colour[2] - blue);
    const words = data.words[name];
    if (words.length) return name + ": " + words.reduce((a, b) => (away(b) < away(a) ? b : a))[1];
    if (name === "section") return name + ": grey " + red + " of 255";
    return name + ": membrane with about " + (1 - red / 255).toFixed(2);
  };
  const place = (event) => {
    const box = images.getBoundingClientRect();
    const share = (at, from, size) => Math.min(Math.max((at - from) / size, 0), 1);
    return [share(event.clientX, box.left, box.width), share(event.clientY, box.top, box.height)];
  };
  const say = (event) => {
    const [across, down] = place(event), image = get("image-left");
    if (!image.naturalWidth) return;
    const at = (share, size) => Math.min(Math.floor(share * size), size - 1);
    const x = at(across, image.naturalWidth), y = at(down, image.naturalHeight);
    get("says").textContent = "row " + y * data.stride + ", column " + x * data.stride + "; " +
      meaning("left", x, y) + "; " + meaning("right", x, y);
  };
  let held = false;
  const swipe = (event) => {
    get("line").value = Math.round(100 * place(event)[0]);
    show();
  };
  images.addEventListener("pointerdown", (event) => {
    held = true;
    images.setPointerCapture(event.pointerId);
    swipe(event);
  });
  images.addEventListener("pointermove", (event) => {
    if (held) swipe(event);
    say(event);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    images.addEventListener(end, () => { held = false; });
  }
  const keys = {
    ArrowLeft: ["line", -2], ArrowRight: ["line", 2], Home: ["line", -100], End: ["line", 100],
    ArrowDown: ["section", 1], ArrowUp: ["section", -1],
  };
  images.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const number = /^[1-9]$/.test(event.key) ? Number(event.key) : 0;
    if (event.key in keys) step(...keys[event.key]);
    else if (number && number <= names.length) {
      radios("right")[number - 1].checked = true;
      show();
    } else return;
    event.preventDefault();
  });
  for (const name of ["section", "line"]) get(name).addEventListener("input", show);
  for (const side of ["left", "right"]) {
    for (const one of radios(side)) one.addEventListener("change", show);
  }
  show();
})();

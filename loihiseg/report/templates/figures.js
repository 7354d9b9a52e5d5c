
(function () {
  for (const figure of document.querySelectorAll("figure.says")) {
    const output = figure.querySelector("output");
    const say = (one) => {
      for (const other of figure.querySelectorAll(".here")) other.classList.remove("here");
      one.classList.add("here");
      output.textContent = one.dataset.says;
    };
    figure.addEventListener("pointerover", (event) => {
      const one = event.target.closest("[data-says]");
      if (one) say(one);
    });
    /* Arrow keys go from core to core of a plan. */
    const plan = figure.querySelector(".plan");
    if (!plan) continue;
    const cores = [...plan.querySelectorAll("[data-says]")];
    let at = -1;
    plan.addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!by || event.ctrlKey || event.altKey || event.metaKey) return;
      at = Math.min(Math.max(at + by, 0), cores.length - 1);
      say(cores[at]);
      event.preventDefault();
    });
  }
  const copy = document.getElementById("copy");
  if (copy) copy.addEventListener("click", async () => {
    const text = document.getElementById("configuration");
    getSelection().selectAllChildren(text);
    try {
      await navigator.clipboard.writeText(text.textContent);
    } catch {
      document.execCommand("copy");
    }
    document.getElementById("copied").textContent = "copied";
  });
})();

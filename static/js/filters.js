// An open filter closes with Escape or a press elsewhere. Without JavaScript its own button does.
(() => {
  const open = () => document.querySelectorAll("details.filter[open]");

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    open().forEach((filter) => {
      const inside = filter.contains(document.activeElement);
      filter.open = false;
      if (inside) filter.querySelector("summary").focus();
    });
  });

  document.addEventListener("click", (event) => {
    open().forEach((filter) => {
      if (!filter.contains(event.target)) filter.open = false;
    });
  });
})();

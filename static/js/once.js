// A double tap sends a form once. Without JavaScript the server decides, as it always does.
(() => {
  const submits = (form) => [...form.elements].filter((element) => element.type === "submit");

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented) return; // htmx sends it, and the page stays
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
    // After the browser has read the form: a disabled button's value would not be sent.
    setTimeout(() => submits(form).forEach((button) => (button.disabled = true)));
  });

  // Coming back with the back button must find a form that works.
  window.addEventListener("pageshow", () => {
    document.querySelectorAll("form[data-sent]").forEach((form) => {
      delete form.dataset.sent;
      submits(form).forEach((button) => (button.disabled = false));
    });
  });
})();

// What is typed into a form[data-draft] is kept on this device until it is saved, so that a lost
// connection takes nothing along. It belongs to one signing-in: the next one's page throws it
// away, and so does signing out, here and by the answer's Clear-Site-Data. A mark beside the drafts
// says that the signing-in goes on: where it is gone, a page that is still open keeps nothing.
(() => {
  const PREFIX = "draft.";
  const OURS = `${PREFIX}${document.currentScript.dataset.draftsOf}.`;
  const MARK = `${OURS}open`;
  const MOST = 3; // drafts of one day
  const SHOWN = 200; // characters of the one that is offered
  const WORDS = ["activity", "note"];
  const OWN_TO_A_PAGE = ["csrfmiddlewaretoken", "revision", "page", "sent"];

  // Where a browser keeps nothing, the form works as it would without this.
  const store = {
    get: (key) => {
      try { return JSON.parse(localStorage.getItem(key)) ?? []; } catch { return []; }
    },
    set: (key, value) => {
      try { localStorage.setItem(key, JSON.stringify(value)); } catch { /* full, or forbidden */ }
    },
    forget: (goes) => {
      try {
        Object.keys(localStorage).filter(goes).forEach((key) => localStorage.removeItem(key));
      } catch { /* forbidden */ }
    },
  };
  const isDraft = (key) => key.startsWith(PREFIX);

  store.forget((key) => isDraft(key) && !key.startsWith(OURS));
  document.addEventListener("submit", (event) => {
    if (event.target.matches("form[action$='/logout/']")) store.forget(isDraft);
  });

  const form = document.querySelector("form[data-draft]");
  if (!form) return;
  const key = OURS + form.dataset.draft;
  const offer = document.querySelector("[data-draft-offer]");
  const said = form.querySelector("[role=status]");

  const typed = () =>
    JSON.stringify(
      [...new FormData(form)]
        .filter(([name]) => !OWN_TO_A_PAGE.includes(name))
        .map(([name, value]) => [name, value.replace(/\r\n/g, "\n").trim()])
    );
  // As the server knows it, on its way there, and from before this page was opened. A draft knows
  // which version of the entry it was written over, so that the server can tell what it replaces.
  const unsaved = "unsaved" in form.dataset;
  let saved = unsaved ? "" : typed();
  let sent = saved;
  let earlier = [];
  const { page } = form.elements;
  const written = () => ({ typed: typed(), over: [form.elements.revision.value, page.value] });

  store.set(MARK, true);
  const keep = () => {
    if (store.get(MARK) !== true) return; // signed out on another page
    const drafts = [...(typed() === saved ? [] : [written()]), ...earlier].slice(0, MOST);
    if (drafts.length) store.set(key, drafts);
    else store.forget((one) => one === key);
  };
  const changed = () => form.dispatchEvent(new Event("input", { bubbles: true }));
  const tryAgain = () => { if (typed() !== saved) changed(); };

  form.querySelector("[data-saves-itself]").hidden = !window.htmx;
  form.addEventListener("input", keep);
  // Of two requests of this page the server keeps the one that was sent last, whichever comes first.
  let last = 0;
  form.addEventListener("htmx:configRequest", (event) => {
    last = Math.max(Date.now(), last + 1);
    event.detail.parameters.sent = String(last);
  });
  form.addEventListener("htmx:beforeRequest", () => { sent = typed(); });
  form.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.xhr.status === 401) store.forget(isDraft);
  });
  form.addEventListener("draft:saved", () => {
    saved = sent;
    keep();
  });
  let again;
  const offline = () => {
    said.textContent = form.dataset.offline;
    clearTimeout(again);
    again = setTimeout(tryAgain, 15_000);
  };
  form.addEventListener("htmx:sendError", offline);
  form.addEventListener("htmx:timeout", offline);
  form.addEventListener("htmx:responseError", () => { said.textContent = form.dataset.failed; });
  window.addEventListener("online", tryAgain);

  const fill = (draft) => {
    const pairs = JSON.parse(draft.typed);
    for (const field of form.elements) {
      const values = pairs.filter(([name]) => name === field.name).map(([, value]) => value);
      if (["checkbox", "radio"].includes(field.type)) field.checked = values.includes(field.value);
      else if (values.length) field.value = values[0];
      if (field.checked) field.closest("details")?.setAttribute("open", "");
    }
    [form.elements.revision.value, page.value] = draft.over;
    changed();
  };
  // One after the other, the newest first: what was typed beside an open offer may be lost as well.
  const show = () => {
    earlier = earlier.filter((one) => one.typed !== saved);
    offer.hidden = !earlier.length;
    const pairs = JSON.parse(earlier[0]?.typed ?? "[]").filter(([name]) => WORDS.includes(name));
    const words = pairs.map(([, value]) => value).filter(Boolean).join("\n");
    offer.querySelector("[data-draft-words]").textContent =
      words.length > SHOWN ? `${words.slice(0, SHOWN)}…` : words;
    keep();
  };
  const decide = (use) => () => {
    const draft = earlier.shift();
    if (use && typed() !== saved) earlier.push(written());
    show();
    if (use) fill(draft);
    form.querySelector("textarea").focus();
  };
  offer.querySelector("[data-draft-use]").addEventListener("click", decide(true));
  offer.querySelector("[data-draft-drop]").addEventListener("click", decide(false));
  earlier = store.get(key);
  show();

  // A button that fills a field does so here; without a script the server does.
  form.querySelectorAll("[data-fill]").forEach((button) => {
    button.addEventListener("click", (event) => {
      event.preventDefault();
      const field = document.getElementById(button.dataset.fill);
      if (!field.value.trim()) field.value = button.dataset.with;
      field.focus();
      button.hidden = true;
      changed();
    });
  });
})();

// A browser ignores autofocus on a page whose address names a part of it (#main, as after the
// skip link), and a form keeps that part. Whoever made a mistake still hears of it first.
addEventListener("load", () => {
  if (location.hash) document.querySelector(".error-summary").focus();
});

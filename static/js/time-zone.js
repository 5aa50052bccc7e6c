// Tells the server which zone this device keeps, once, so that times are shown in it.
// The page is fetched again only if one of its times would read differently.
(() => {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const shown = document.documentElement.dataset.zone;
  const told = () => document.cookie.split("; ").some((pair) => pair.startsWith("tz="));
  // A cookie that is there and did not help would make the page reload for ever.
  if (!zone || told()) return;
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `tz=${encodeURIComponent(zone)}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
  if (!told()) return;
  const reads = (at, timeZone) => at.toLocaleString("en-US", { timeZone });
  const differs = [...document.querySelectorAll("time[datetime]")].some((element) => {
    const at = new Date(element.dateTime);
    return !Number.isNaN(at.getTime()) && reads(at, zone) !== reads(at, shown);
  });
  if (differs) location.reload();
})();

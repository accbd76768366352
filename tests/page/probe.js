// Appended to a page that is tested, as a block of its own: it uses the page, and leaves its findings as JSON in an element `findings`.
const findings = { errors: window.pageErrors, violations: window.pageViolations };
const sections = [...document.querySelectorAll("main > section")];
const drawn = (svg) => { const box = svg.getBoundingClientRect(); return box.width > 40 && box.height > 20; };

findings.sections = sections.map((each) => each.id);
findings.drawings = Object.fromEntries(sections.map((each) => [each.id, [...each.querySelectorAll("svg")].filter(drawn).length]));
findings.background = getComputedStyle(document.body).backgroundColor;
findings.overflow = document.documentElement.scrollWidth - document.documentElement.clientWidth;
findings.width = document.documentElement.clientWidth;
findings.resources = performance.getEntriesByType("resource").map((each) => each.name);
findings.titles = document.querySelectorAll("svg title").length;

const tip = document.getElementById("tip");
const box = document.querySelector("#memory g[data-layer]");
findings.before = tip.hidden;
box.dispatchEvent(new MouseEvent("mouseenter"));
findings.hover = tip.hidden ? "" : tip.textContent;
box.dispatchEvent(new MouseEvent("mouseleave"));
findings.after = tip.hidden;
const mark = document.querySelector("#cost path[data-layer]");
mark.focus();
findings.focus = tip.hidden ? "" : tip.textContent;
mark.blur();

const chosen = () => [...new Set([...document.querySelectorAll(".chosen")].map((each) => each.dataset.layer))];
const layer = document.querySelector("#network table.layers tbody tr:nth-child(2)").dataset.layer;
const inNetwork = [...document.querySelectorAll("#network g[data-layer]")].find((each) => each.dataset.layer === layer);
inNetwork.dispatchEvent(new MouseEvent("click", { bubbles: true }));
findings.chosen = chosen();
findings.wanted = layer;
findings.places = [...new Set([...document.querySelectorAll(".chosen")].map((each) => each.closest("section").id))];
const row = document.querySelector("#network table.layers tbody tr:nth-child(1)");
row.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
findings.byKey = chosen()[0] === row.dataset.layer;

findings.overlaps = [...document.querySelectorAll("svg.network g")].filter((each) => {
  const [name, type] = [...each.querySelectorAll("text")].map((text) => text.getBoundingClientRect());
  return name && type && name.top < type.bottom && type.top < name.bottom && name.right > type.left && type.right > name.left;
}).length;

findings.clipped = [...document.querySelectorAll("svg")].flatMap((svg) => {
  const page = svg.getBoundingClientRect();
  return [...svg.querySelectorAll("text")].filter((each) => {
    const text = each.getBoundingClientRect();
    return text.width > 0 && (text.left < page.left - 1 || text.right > page.right + 1);
  }).map((each) => each.textContent);
});

findings.broken = [...document.querySelectorAll("td.number")].filter((each) => {
  const words = document.createRange();
  words.selectNodeContents(each);
  return new Set([...words.getClientRects()].map((rect) => Math.round(rect.top))).size > 1;
}).map((each) => each.textContent);

const table = document.querySelector("table.layers");
const heads = [...table.tHead.rows[0].cells].map((each) => each.textContent);
const column = heads.indexOf("MACs");
const button = table.tHead.rows[0].cells[column].querySelector("button");
const values = () => [...table.tBodies[0].rows].map((each) => Number(each.cells[column].textContent.replace(/,/g, "")));
button.click();
findings.falling = values();
button.click();
findings.rising = values();

findings.unreachable = [...document.querySelectorAll("[data-layer], summary, th button, a")]
  .filter((each) => each.tabIndex < 0).length;
const scrolled = [...document.querySelectorAll("*")].filter((each) => {
  const style = getComputedStyle(each);
  return /auto|scroll/.test(style.overflowX) && each.scrollWidth > each.clientWidth + 1 && each.clientWidth > 0;
});
findings.unscrollable = scrolled.filter((each) => each.tabIndex < 0).map((each) => each.className || each.tagName);

// Contrast of text outside of drawings (WCAG): every element that has text of its own.
const channels = (colour) => colour.match(/[\d.]+/g).map(Number);
const luminance = (colour) => {
  const [r, g, b] = channels(colour).slice(0, 3).map((each) => {
    const part = each / 255;
    return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const ground = (each) => {
  for (let at = each; at; at = at.parentElement) {
    const parts = channels(getComputedStyle(at).backgroundColor);
    if (parts.length < 4 || parts[3] > 0) return getComputedStyle(at).backgroundColor;
  }
  return "rgb(255, 255, 255)";
};
document.querySelectorAll("details").forEach((each) => { each.open = true; });
findings.poor = [...document.querySelectorAll("body *")]
  .filter((each) => !each.closest("svg, script, style") && [...each.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()))
  .map((each) => {
    const [a, b] = [luminance(getComputedStyle(each).color), luminance(ground(each))].sort((x, y) => y - x);
    return [(a + 0.05) / (b + 0.05), each.tagName + "." + each.className];
  })
  .filter(([ratio]) => ratio < 4.5);

const out = document.createElement("pre");
out.id = "findings";
out.textContent = JSON.stringify(findings);
document.body.append(out);

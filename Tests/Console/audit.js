// Looks for what keeps people from using the page: returns a list of faults (WCAG 2.2: 1.3.1, 1.4.3, 1.4.10,
// 1.4.11, 3.1.1, 4.1.2).

const faults = [];
const describe = (node) =>
  `${node.tagName.toLowerCase()}${node.id ? `#${node.id}` : ""}.${node.getAttribute("class") ?? ""} "${
    (node.textContent ?? "").trim().slice(0, 40)}"`;

const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
const context = canvas.getContext("2d", { willReadFrequently: true });

/** Red, green, blue (0 to 255) and alpha (0 to 1) of any CSS colour. */
function rgba(colour) {
  context.clearRect(0, 0, 1, 1);
  context.fillStyle = colour;
  context.fillRect(0, 0, 1, 1);
  const [red, green, blue, alpha] = context.getImageData(0, 0, 1, 1).data;
  return [red, green, blue, alpha / 255];
}

const over = (top, bottom) => [0, 1, 2].map((i) => top[i] * top[3] + bottom[i] * (1 - top[3])).concat(1);

function background(node) {
  const layers = [];
  for (let each = node; each; each = each.parentElement) layers.push(rgba(getComputedStyle(each).backgroundColor));
  const canvasColour = matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18, 1] : [255, 255, 255, 1];
  return layers.reverse().reduce((below, layer) => over(layer, below), canvasColour);
}

function luminance([red, green, blue]) {
  const [r, g, b] = [red, green, blue].map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(one, other) {
  const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

const isShown = (node) =>
  node.checkVisibility({ visibilityProperty: true }) && node.getBoundingClientRect().width > 1;
const modal = document.querySelector("dialog[open]");
const nodes = [...(modal ?? document.body).querySelectorAll("*")].filter(isShown);

for (const node of nodes) {
  const style = getComputedStyle(node);
  const hasText = [...node.childNodes].some((child) => child.nodeType === Node.TEXT_NODE && child.data.trim());
  const isControl = ["INPUT", "SELECT"].includes(node.tagName);
  if (hasText || isControl) {
    const pixels = parseFloat(style.fontSize);
    const isLarge = pixels >= 24 || (pixels >= 18.66 && Number(style.fontWeight) >= 700);
    const behind = background(node);
    const ratio = contrast(over(rgba(style.color), behind), behind);
    const isOff = node.matches(":disabled, [aria-disabled='true']");
    if (!isOff && ratio < (isLarge ? 3 : 4.5)) faults.push(`contrast ${ratio.toFixed(2)}: ${describe(node)}`);
  }
  if (node.tagName === "INPUT" && node.placeholder && !node.value) {
    const behind = background(node);
    const ratio = contrast(over(rgba(getComputedStyle(node, "::placeholder").color), behind), behind);
    if (ratio < 4.5) faults.push(`placeholder's contrast ${ratio.toFixed(2)}: ${describe(node)}`);
  }
  if (isControl || (node.tagName === "BUTTON" && !node.matches(".quiet, :disabled, [aria-disabled='true']"))) {
    const border = contrast(rgba(style.borderTopColor), background(node.parentElement));
    const fill = contrast(background(node), background(node.parentElement));
    if (Math.max(border, fill) < 3) faults.push(`edge's contrast ${border.toFixed(2)}: ${describe(node)}`);
  }
  // Cut, and nothing to open or scroll it by.
  const mayOpen = node.classList.contains("clamped") && node.parentElement.querySelector("button.more");
  const isCut = (size, axis) => size > 1 && ["hidden", "clip"].includes(style[axis]);
  if (!mayOpen && !node.closest(".unseen, thead, select")
    && (isCut(node.scrollWidth - node.clientWidth, "overflowX") || isCut(node.scrollHeight - node.clientHeight, "overflowY"))) {
    faults.push(`cut: ${describe(node)}`);
  }
  const place = node.getBoundingClientRect();
  if (hasText && (place.right > innerWidth + 1 || place.left < -1) && !node.closest(".unseen, thead")) {
    faults.push(`out of sight: ${describe(node)}`);
  }
  if (node.tagName === "IMG" && !node.hasAttribute("alt")) faults.push(`no alt: ${describe(node)}`);
}

const ids = [...document.querySelectorAll("[id]")].map((node) => node.id);
for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) faults.push(`id twice: ${id}`);
if (document.querySelectorAll("h1").length !== 1) faults.push("not exactly one h1");
if (document.querySelectorAll("main").length !== 1) faults.push("not exactly one main");
if (!document.documentElement.lang) faults.push("no language");
const excess = document.documentElement.scrollWidth - innerWidth;
if (excess > 0) faults.push(`${excess} pixels too wide`);
return faults;

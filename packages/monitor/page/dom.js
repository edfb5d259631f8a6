// Elements made by hand. Texts become text nodes and nothing else: what a server calls itself is never HTML.

/**
 * @param {string} tag
 * @param {Record<string, any>} properties `class`, `data-*`, `aria-*` and `role` become attributes, `on*` listeners, others properties
 * @param {...(Node | string | undefined)} children
 * @returns {any}
 */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (/^(?:class|role|for|aria-.*|data-.*)$/.test(name)) made.setAttribute(name, String(value));
    else made[name] = value;
  }
  made.append(...children.filter((child) => child !== undefined));
  return made;
}

/** Changes the text only where it differs, so that screen readers and selections are left alone. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** A select with options `[value, text]`. */
export function select(label, options, value, onchange) {
  const box = element(
    "select",
    { onchange: () => onchange(box.value) },
    ...options.map(([option, text]) => element("option", { value: option }, text)),
  );
  box.value = value;
  return element("label", {}, element("span", { class: "label" }, label), box);
}

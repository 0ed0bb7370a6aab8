// A table that is brought up to date in place, so that focus, scrolling and what is unfolded stay as they are.

/** An element with properties and children; text is always text, never markup. */
export function element(name, properties = {}, ...children) {
  const made = document.createElement(name)
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value)
    else if (value !== undefined) made.setAttribute(key, value)
  }
  made.append(...children.filter((child) => child !== undefined))
  return made
}

/**
 * @param {string} caption
 * @param {readonly string[]} columns
 * @returns {{ node: HTMLElement, show(rows: { id: string, version: string, cells: () => (Node | string)[] }[]): void }}
 */
export function createTable(caption, columns) {
  const body = element("tbody")
  const none = element("p", { class: "none" }, "Nothing here yet.")
  const heads = columns.map((column) => element("th", { scope: "col" }, column))
  const table = element(
    "table",
    { "aria-label": caption },
    element("thead", {}, element("tr", {}, ...heads)),
    body,
  )
  const shown = new Map()

  function show(rows) {
    const ids = new Set(rows.map(({ id }) => id))
    for (const [id, { node }] of shown)
      if (!ids.has(id)) {
        node.remove()
        shown.delete(id)
      }
    rows.forEach(({ id, version, cells }, at) => {
      const known = shown.get(id)
      const node = known?.node ?? element("tr", { "data-id": id })
      if (known?.version !== version) fill(node, cells())
      shown.set(id, { node, version })
      if (body.children[at] !== node) body.insertBefore(node, body.children[at] ?? null)
    })
    table.hidden = rows.length === 0
    none.hidden = rows.length > 0
  }

  return { node: element("div", {}, table, none), show }
}

/** New cells in a row; what was unfolded stays so, and the focus returns to the control of the same name. */
function fill(row, cells) {
  const open = new Set([...row.querySelectorAll("details[open]")].map((each) => each.dataset.name))
  const focused = row.contains(document.activeElement) ? document.activeElement.dataset.name : undefined
  row.replaceChildren(...cells.map((cell) => element("td", {}, cell)))
  for (const each of row.querySelectorAll("details")) each.open = open.has(each.dataset.name)
  if (focused) row.querySelector(`[data-name="${CSS.escape(focused)}"]`)?.focus()
}

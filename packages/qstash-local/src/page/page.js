import { createTable, element } from "./table.js"
import { views } from "./views.js"

const get = (id) => document.getElementById(id)
const published = document.querySelector("meta[name=qstash-token]").content
let token = published || sessionStorage.getItem("qstash-token") || ""
let chosen = Math.max(
  0,
  views.findIndex(({ name }) => location.hash === `#${encodeURIComponent(name)}`),
)
let table
let loading = false
let stale = false

async function call(method, path) {
  const response = await fetch(path, { method, headers: { Authorization: `Bearer ${token}` } })
  if (response.status === 401) await askForToken()
  const text = await response.text()
  if (!response.ok) throw new Error(text ? JSON.parse(text).error : response.statusText)
  return text ? JSON.parse(text) : undefined
}

async function askForToken() {
  if (!get("ask").open) get("ask").showModal()
}

get("ask").addEventListener("close", () => {
  token = get("token").value
  sessionStorage.setItem("qstash-token", token)
  listen()
})

/** Tabs as the ARIA pattern has them: one stop for Tab, arrows between them. */
function showTabs() {
  const tabs = views.map(({ name }, at) =>
    element(
      "button",
      {
        role: "tab",
        id: `tab-${at}`,
        "aria-selected": String(at === chosen),
        "aria-controls": "panel",
        tabindex: at === chosen ? "0" : "-1",
        onclick: () => choose(at),
      },
      name,
    ),
  )
  get("tabs").replaceChildren(...tabs)
  get("panel").setAttribute("aria-labelledby", `tab-${chosen}`)
}

get("tabs").addEventListener("keydown", ({ key }) => {
  const steps = {
    ArrowRight: chosen + 1,
    ArrowLeft: chosen - 1 + views.length,
    Home: 0,
    End: views.length - 1,
  }
  if (steps[key] === undefined) return
  choose(steps[key] % views.length)
  get(`tab-${chosen}`).focus()
})

function choose(at) {
  chosen = at
  location.hash = encodeURIComponent(views[at].name)
  showTabs()
  table = createTable(views[at].name, views[at].columns)
  get("panel").replaceChildren(table.node)
  refresh()
}

/** Loads what is being looked at; what comes meanwhile is loaded once more, not many times. */
async function refresh() {
  stale = true
  if (loading) return
  loading = true
  while (stale) {
    stale = false
    await load().catch(({ message }) => say(message))
  }
  loading = false
}

async function load() {
  const view = views[chosen]
  const [items, totals] = await Promise.all([view.load(call), call("GET", "/local/stats")])
  if (view !== views[chosen]) return
  const wanted = get("text").value.trim().toLowerCase()
  const rows = items.map((item) => ({
    id: view.id(item),
    version: JSON.stringify(item),
    cells: () => [...view.cells(item), buttons(view, item)],
  }))
  table.show(rows.filter(({ version }) => version.toLowerCase().includes(wanted)))
  get("totals").replaceChildren(
    ...Object.entries(totals).map(([name, count]) =>
      element("div", {}, element("dt", {}, words(name)), element("dd", {}, String(count))),
    ),
  )
}

/** `deadLetters` → `dead letters` */
const words = (name) => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)

function buttons(view, item) {
  const run = (name, method, path) => async () => {
    await call(method, path).then(
      () => say(`${name}: done (${view.id(item)})`),
      ({ message }) => say(`${name}: ${message}`),
    )
    await refresh()
  }
  const made = view.actions(item).map(([name, method, path]) =>
    element(
      "button",
      {
        type: "button",
        "data-name": name,
        "aria-label": `${name} ${view.id(item)}`,
        onclick: run(name, method, path),
      },
      name,
    ),
  )
  return element("div", { class: "buttons" }, ...made)
}

const say = (text) => {
  get("status").textContent = text
}

/** The server says when something has changed. */
function listen() {
  const changes = new EventSource(`/local/changes?qstash_token=${encodeURIComponent(token)}`)
  changes.onopen = () => say("Live")
  changes.onmessage = refresh
  changes.onerror = () => {
    say("Not connected")
    if (changes.readyState === EventSource.CLOSED) call("GET", "/local/stats").catch(() => undefined)
  }
  refresh()
}

get("text").addEventListener("input", refresh)
get("search").addEventListener("submit", (event) => event.preventDefault())
choose(chosen)
listen()

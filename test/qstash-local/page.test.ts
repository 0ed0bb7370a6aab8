import { afterAll, beforeAll, expect, test } from "vitest"
import { chromium, startBrowser } from "./support/browser.ts"
import { rawCall } from "./support/raw-call.ts"
import { startWorld } from "./support/world.ts"

const withBrowser = test.skipIf(chromium === undefined)

let browser: Awaited<ReturnType<typeof startBrowser>> | undefined

beforeAll(async () => {
  if (chromium !== undefined) browser = await startBrowser()
})
afterAll(() => browser?.close())

async function openPage(url: string) {
  if (!browser) throw new Error("there is no browser")
  const page = await browser.open()
  await page.goto(url)
  return page
}

const text = "document.body.innerText"

withBrowser("messages and what was answered to them appear by themselves", async () => {
  const { client, clock, receiver, qstash } = await startWorld()
  receiver.answer((_, nth) => (nth === 1 ? { status: 503, body: "<b>not now</b>" } : { body: "fine" }))
  const page = await openPage(qstash.url)
  await page.until(`${text}.includes("Nothing here yet.")`)
  const { messageId } = await client.publishJSON({
    url: `${receiver.url}/work`,
    body: { a: "<script>1</script>" },
    label: "red",
  })
  await page.until(`${text}.includes(${JSON.stringify(messageId)})`)
  await clock.advance("12s")
  await page.until(`${text}.includes("DELIVERED")`)
  await page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true })")
  const shown = String(await page.evaluate(text))
  for (const part of [
    `${receiver.url}/work`,
    "labels red",
    "→ 503",
    "<b>not now</b>",
    "→ 200",
    "fine",
    "<script>1</script>",
  ])
    expect(shown).toContain(part)
  await client.publish({ url: `${receiver.url}/other`, body: "" })
  await page.until(`${text}.includes("/other")`)
  await page.evaluate(
    "document.querySelector('#text').focus(); document.querySelector('#text').value = '/work'; document.querySelector('#text').dispatchEvent(new Event('input'))",
  )
  await page.until(`!${text}.includes("/other")`)
  expect(await page.evaluate("document.activeElement.id")).toBe("text")
  expect(page.complaints).toEqual([])
})

withBrowser("with the keyboard alone a dead letter is found and retried", async () => {
  const { client, clock, receiver, qstash } = await startWorld({
    answering: () => ({ status: 500, body: "broken" }),
  })
  await client.publish({ url: `${receiver.url}/dead`, body: "", retries: 0 })
  await clock.advance(0)
  receiver.answer(() => ({}))
  const page = await openPage(qstash.url)
  await page.until(`${text}.includes("FAILED")`)
  await page.press("Tab", "ArrowRight")
  expect(await page.evaluate("document.activeElement.innerText")).toBe("Dead letters")
  await page.until(`${text}.includes("/dead")`)
  for (let presses = 0; presses < 10; presses++) {
    await page.press("Tab")
    if ((await page.evaluate("document.activeElement.innerText")) === "Retry") break
  }
  await page.press("Enter")
  await page.until(`${text}.includes("Retry: done")`)
  await page.until(`${text}.includes("Nothing here yet.")`)
  await clock.advance(0)
  expect(receiver.paths()).toEqual(["/dead", "/dead"])
  expect(page.complaints).toEqual([])
})

withBrowser(
  "queues, keys and schedules are seen, paused and resumed; focus and folds outlast what is new",
  async () => {
    const { client, clock, receiver, qstash } = await startWorld()
    await client.queue({ queueName: "mail" }).upsert({ parallelism: 2 })
    await client.publish({
      url: receiver.url,
      body: "b",
      delay: 60,
      flowControl: { key: "tenant/1", parallelism: 3, rate: 5 },
    })
    await client.schedules.create({ scheduleId: "nightly", destination: receiver.url, cron: "0 3 * * *" })
    const page = await openPage(`${qstash.url}/#Queues`)
    const toggle = async (from: string, to: string) => {
      await page.until(
        `[...document.querySelectorAll("td button")].some((each) => each.innerText === "${from}")`,
      )
      await page.evaluate(
        `[...document.querySelectorAll("td button")].find((each) => each.innerText === "${from}").focus()`,
      )
      await page.press("Enter")
      await page.until(
        `[...document.querySelectorAll("td button")].some((each) => each.innerText === "${to}")`,
      )
    }
    await page.until(`${text}.includes("mail")`)
    await toggle("Pause", "Resume")
    expect(await client.queue({ queueName: "mail" }).get()).toMatchObject({ paused: true })
    await page.evaluate("document.querySelectorAll('[role=tab]')[3].click()")
    await page.until(
      `${text}.includes("tenant/1") && ${text}.includes("parallelism 0 of 3, rate 0 of 5 in 1 s")`,
    )
    await toggle("Pause", "Resume")
    expect(await client.flowControl.get("tenant%2F1")).toMatchObject({ isPaused: true })
    await page.evaluate("document.querySelectorAll('[role=tab]')[4].click()")
    await page.until(`${text}.includes("nightly") && ${text}.includes("0 3 * * *")`)
    await toggle("Pause", "Resume")
    await toggle("Resume", "Pause")
    expect(await client.schedules.get("nightly")).toMatchObject({ isPaused: false })

    await page.evaluate("document.querySelectorAll('[role=tab]')[0].click()")
    await page.until(`document.querySelector("details[data-name=body]")`)
    await page.evaluate("document.querySelector('details[data-name=body] summary').focus()")
    await page.press("Enter")
    await page.until("document.querySelector('details[data-name=body]').open")
    await client.flowControl.resume("tenant%2F1")
    await clock.advance("1m")
    await page.until(`${text}.includes("DELIVERED")`)
    expect(await page.evaluate("document.querySelector('tr:last-child details[data-name=body]').open")).toBe(
      true,
    )
    expect(await page.evaluate("document.activeElement.dataset.name")).toBe("body summary")
    expect(page.complaints).toEqual([])
  },
)

/** Contrast of two colours as WCAG 2 has it, computed in the page. */
const contrast = `(() => {
  const parts = (colour) => colour.match(/[\\d.]+/g).slice(0, 3).map((part) => Number(part) / 255)
  const light = (colour) => parts(colour)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0)
  const ground = light(getComputedStyle(document.body).backgroundColor)
  const inks = [...document.querySelectorAll("h1, dt, dd, th, td, strong, #status, .none, button")]
  return Math.min(...inks.map((each) => {
    const own = getComputedStyle(each)
    const behind = own.backgroundColor === "rgba(0, 0, 0, 0)" ? ground : light(own.backgroundColor)
    const [low, high] = [behind, light(own.color)].sort((a, b) => a - b)
    return (high + 0.05) / (low + 0.05)
  }))
})()`

withBrowser("it is legible in the dark and in the light", async () => {
  const { client, clock, receiver, qstash } = await startWorld()
  receiver.answer(({ path }) => ({ status: path === "/ok" ? 200 : 500 }))
  for (const path of ["/ok", "/retry"]) await client.publish({ url: `${receiver.url}${path}`, body: "x" })
  await client.publish({ url: `${receiver.url}/failed`, body: "x", retries: 0 })
  await clock.advance(0)
  const page = await openPage(qstash.url)
  await page.until(`${text}.includes("RETRY") && ${text}.includes("FAILED") && ${text}.includes("DELIVERED")`)
  const grounds = new Set()
  for (const scheme of ["light", "dark"] as const) {
    await page.prefer(scheme)
    grounds.add(await page.evaluate("getComputedStyle(document.body).backgroundColor"))
    expect(await page.evaluate(contrast), scheme).toBeGreaterThan(4.5)
  }
  expect(grounds.size).toBe(2)
  expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true)
})

withBrowser("a token that is not the public one is asked for", async () => {
  const { client, receiver, qstash } = await startWorld({ token: "my-own" })
  await client.publish({ url: `${receiver.url}/secret`, body: "", delay: 60 })
  const page = await openPage(qstash.url)
  expect(await page.evaluate("document.documentElement.outerHTML")).not.toContain("my-own")
  await page.until("document.querySelector('#ask').open")
  await page.evaluate(
    "document.querySelector('#token').value = 'my-own'; document.querySelector('#ask button').click()",
  )
  await page.until(`${text}.includes("/secret")`)
})

test("the page needs no token, allows nothing from elsewhere, and is not shown to other sites", async () => {
  const { qstash } = await startWorld()
  for (const path of ["/", "/local/page.css", "/local/page.js", "/local/table.js", "/local/views.js"]) {
    const { status, headers, body } = await rawCall(qstash.port, "GET", path, {})
    expect(status).toBe(200)
    expect(headers["content-security-policy"]).toContain("default-src 'none'")
    expect(body).not.toMatch(/https?:\/\/(?!127)/)
  }
  expect((await rawCall(qstash.port, "GET", "/", { host: "evil.test" })).status).toBe(403)
  expect((await rawCall(qstash.port, "GET", "/local/messages", {})).status).toBe(401)
})

test("what the page looks at is there after a restart, too, and redacted", async () => {
  const { call, client, receiver } = await startWorld()
  await client.publish({ url: receiver.url, body: "secret", delay: 60, redact: { body: true } })
  const [message] = (await call("GET", "/local/messages")).body
  expect(message).toMatchObject({
    state: "CREATED",
    isPending: true,
    attempts: [],
    body: expect.stringMatching(/^REDACTED:/),
  })
})

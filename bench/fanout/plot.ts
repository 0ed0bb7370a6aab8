export type Line = { readonly name: string; readonly points: readonly (readonly [x: number, y: number])[] }

const box = { left: 70, top: 20, width: 620, height: 300 }

/** Lines over two logarithmic axes, as an SVG that reads in light and dark. */
export function plot(lines: readonly Line[], axes: { readonly x: string; readonly y: string }): string {
  const all = lines.flatMap(({ points }) => points)
  const x = scale(
    all.map(([value]) => value),
    box.left,
    box.left + box.width,
  )
  const y = scale(
    all.map(([, value]) => value),
    box.top + box.height,
    box.top,
  )
  const ticks = (place: ReturnType<typeof scale>, draw: (value: number, at: number) => string) =>
    place.ticks.map((value) => draw(value, place.at(value))).join("\n")
  const colours = ["#2b7de9", "#d9480f", "#2b8a3e"]
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 390" font-family="sans-serif" font-size="13" role="img" aria-label="${axes.y} by ${axes.x}">
<style>text { fill: #333 } line { stroke: #8888 } @media (prefers-color-scheme: dark) { text { fill: #ddd } }</style>
${ticks(x, (value, at) => `<line x1="${at}" y1="${box.top}" x2="${at}" y2="${box.top + box.height}"/><text x="${at}" y="${box.top + box.height + 20}" text-anchor="middle">${value.toLocaleString("en")}</text>`)}
${ticks(y, (value, at) => `<line x1="${box.left}" y1="${at}" x2="${box.left + box.width}" y2="${at}"/><text x="${box.left - 8}" y="${at + 4}" text-anchor="end">${value.toLocaleString("en")}</text>`)}
${lines
  .map(({ name, points }, i) => {
    const path = points
      .map(([px, py], n) => `${n ? "L" : "M"}${x.at(px).toFixed(1)} ${y.at(py).toFixed(1)}`)
      .join("")
    return `<path d="${path}" fill="none" stroke="${colours[i]}" stroke-width="2.5"/><text x="${box.left + 16}" y="${box.top + 20 + 18 * i}" style="fill:${colours[i]}">${name}</text>`
  })
  .join("\n")}
<text x="${box.left + box.width / 2}" y="375" text-anchor="middle">${axes.x}</text>
<text x="16" y="${box.top + box.height / 2}" text-anchor="middle" transform="rotate(-90 16 ${box.top + box.height / 2})">${axes.y}</text>
</svg>
`
}

function scale(values: readonly number[], from: number, to: number) {
  const low = Math.floor(Math.log10(Math.min(...values)))
  const high = Math.ceil(Math.log10(Math.max(...values)))
  return {
    at: (value: number) => from + ((Math.log10(value) - low) / (high - low)) * (to - from),
    ticks: Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i)),
  }
}

const numbers = new Intl.NumberFormat("en-US", { maximumFractionDigits: 1 })

/** `12,345` */
export const count = (value: number): string => numbers.format(value)

const units = ["B", "KB", "MB", "GB", "TB", "PB"]

/** `12.3 MB`, in powers of 1,000. */
export function bytes(value: number): string {
  const power = value < 1_000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(value) / 3))
  const scaled = value / 1_000 ** power
  return `${scaled.toFixed(power === 0 ? 0 : 1)} ${units[power]}`
}

/** `0:17`, `12:03`, `3:04:05` */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  const two = (value: number) => String(value).padStart(2, "0")
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`
}

/** `1 image`, `2 images` */
export const images = (value: number): string => `${count(value)} ${value === 1 ? "image" : "images"}`

/** One line, so that a name or a message with control characters can't draw on the terminal. */
export const plain = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is replaced
  text.replace(/[\u0000-\u001f\u007f-\u009f]/g, "\ufffd")

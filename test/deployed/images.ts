import { readFileSync } from "node:fs"

const file = (path: string) => readFileSync(new URL(`../fixtures/library/${path}`, import.meta.url))

/** Three images, with names that must survive. */
export const libraryFiles: readonly (readonly [name: string, bytes: Buffer])[] = [
  ["poster.gif", file("graphics/poster.gif")],
  ["1+1 & two words.jpg", file("names/1+1.jpg")],
  ["京都の秋.jpg", file("unicode/日本/京都の秋.jpg")],
]

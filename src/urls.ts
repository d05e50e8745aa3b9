/**
 * The URL that the text is, or undefined. Not by URL.canParse: after some thousand calls that of Node 20 refuses what has letters such as ü
 * (docs/decisions 006).
 */
export function parsedUrl(text: string, base?: string): URL | undefined {
  try {
    return new URL(text, base)
  } catch {
    return undefined
  }
}

/** Whether the text is an origin, as browsers write it: `https://app.example.org`, without a path. */
export function isOrigin(text: string): boolean {
  return parsedUrl(text)?.origin === text
}

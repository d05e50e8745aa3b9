/** The name of a browser, for the person who used it, by its User-Agent. */
export function browserName(agent: string): string {
  const name = NAMES.find(([, sign]) => sign.test(agent))?.[0]
  const system = SYSTEMS.find(([, sign]) => sign.test(agent))?.[0]
  if (!name) {
    return system ? `A browser on ${system}` : 'An unknown browser'
  }
  return system ? `${name} on ${system}` : name
}

/** Most browsers use the names of others as well. The first pattern that matches is right. */
const NAMES: [string, RegExp][] = [
  ['Edge', /\bEdg(e|A|iOS)?\//],
  ['Opera', /\b(OPR|Opera|OPT)\//],
  ['Samsung Internet', /\bSamsungBrowser\//],
  ['Vivaldi', /\bVivaldi\//],
  ['Firefox', /\b(Firefox|FxiOS)\//],
  ['Chrome', /\b(HeadlessChrome|Chrome|CriOS|Chromium)\//],
  ['Safari', /^(?=.*\bVersion\/\S).*\bSafari\//],
  ['Lynx', /^Lynx\//],
  ['w3m', /^w3m\//],
  ['ELinks', /^ELinks\b/],
  ['Links', /^Links\b/],
  ['curl', /^curl\//],
]

const SYSTEMS: [string, RegExp][] = [
  ['iPhone', /\biPhone\b/],
  ['iPad', /\biPad\b/],
  ['Android', /\bAndroid\b/],
  ['Windows', /\bWindows\b/],
  ['macOS', /\bMacintosh\b|\bMac OS X\b/],
  ['ChromeOS', /\bCrOS\b/],
  ['Linux', /\bLinux\b/],
]

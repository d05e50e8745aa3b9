import { encodeQR } from 'qr'

/** Phones cannot read the code of a longer address from a screen. A host name has 253 characters at most. */
const LONGEST = 350

/** The white border that the standard asks for, in modules. */
const QUIET = 4

/** Whether there is a QR code for an address. */
export function hasQrCode(address: string): boolean {
  return address.length <= LONGEST
}

/**
 * A QR code as an SVG image: black on white in dark mode too, as many cameras read no other code. Undefined for an address that is too
 * long.
 */
export function qrCode(address: string): string | undefined {
  if (!hasQrCode(address)) {
    return undefined
  }
  const rows = encodeQR(address, 'raw', { ecc: 'medium', border: QUIET })
  const size = rows.length
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size} ${size}" shape-rendering="crispEdges">`,
    `<path d="M0 0h${size}v${size}h-${size}z" fill="#fff"/><path d="${rows.map(pathOfRow).join('')}"/></svg>`,
  ].join('')
}

/** Dark modules side by side become one rectangle, so that no lines are seen between them. */
function pathOfRow(row: readonly boolean[], y: number): string {
  const line = row.map(dark => (dark ? '#' : ' ')).join('')
  return [...line.matchAll(/#+/g)].map(({ index, 0: run }) => `M${index} ${y}h${run.length}v1h-${run.length}z`).join('')
}

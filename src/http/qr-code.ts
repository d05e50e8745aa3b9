import { encodeQR } from 'qr'

/** A longer address makes a code that no phone reads from a screen; host names end at 253 characters. */
const LONGEST = 350

/** White around it, as the standard wants it, in modules. */
const QUIET = 4

/** A QR code as an SVG path of squares of 1, in a field of that size; none for an address that is too long. */
export function qrCode(address: string): { size: number; path: string } | null {
  if (address.length > LONGEST) {
    return null
  }
  const rows = encodeQR(address, 'raw', { ecc: 'medium', border: QUIET })
  return { size: rows.length, path: rows.map(pathOfRow).join('') }
}

/** The dark modules that stand side by side are one rectangle: no seams between them. */
function pathOfRow(row: readonly boolean[], y: number): string {
  const line = row.map(dark => (dark ? '#' : ' ')).join('')
  return [...line.matchAll(/#+/g)].map(({ index, 0: run }) => `M${index} ${y}h${run.length}v1h-${run.length}z`).join('')
}

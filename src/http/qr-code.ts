import { encodeQR } from 'qr'

/** Phones cannot read the code of a longer address from a screen. A host name has 253 characters at most. */
const LONGEST = 350

/** The white border that the standard asks for, in modules. */
const QUIET = 4

/** A QR code as an SVG path, in which a module is 1 wide, and its width. Null for an address that is too long. */
export function qrCode(address: string): { size: number; path: string } | null {
  if (address.length > LONGEST) {
    return null
  }
  const rows = encodeQR(address, 'raw', { ecc: 'medium', border: QUIET })
  return { size: rows.length, path: rows.map(pathOfRow).join('') }
}

/** Dark modules side by side become one rectangle, so that no lines are seen between them. */
function pathOfRow(row: readonly boolean[], y: number): string {
  const line = row.map(dark => (dark ? '#' : ' ')).join('')
  return [...line.matchAll(/#+/g)].map(({ index, 0: run }) => `M${index} ${y}h${run.length}v1h-${run.length}z`).join('')
}

import { LOOKALIKES } from './lookalikes.js'

const SEEN = new Map(
  LOOKALIKES.trim()
    .split(/\s+/)
    .map(pair => {
      const [code = '', seen = ''] = pair.split('=')
      return [character(code), seen.split('+').map(character).join('')]
    }),
)

/**
 * What a name in NFKC looks like (Unicode Technical Standard 39, section 4): readers take names with equal skeletons for each other. It is
 * made of the name as it is written, since capital I looks like small l and i does not, and is folded after that.
 */
export function skeleton(name: string): string {
  return [...name.replace(/\p{Default_Ignorable_Code_Point}/gu, '').normalize('NFD')]
    .map(letter => SEEN.get(letter) ?? letter)
    .join('')
    .normalize('NFD')
    .toLowerCase()
}

function character(code: string): string {
  return String.fromCodePoint(Number.parseInt(code, 16))
}

import { clock, down, face, more, reply, unlinked } from './icons.json'

const ICONS = { clock, down, face, more, reply, unlinked }

const SVG = 'http://www.w3.org/2000/svg'

/** An icon, as views/_icons.njk draws it. */
export function icon(name: keyof typeof ICONS): SVGElement {
  const image = document.createElementNS(SVG, 'svg')
  image.setAttribute('class', name === 'reply' ? 'icon icon--turns' : 'icon')
  image.setAttribute('viewBox', '0 0 24 24')
  image.setAttribute('aria-hidden', 'true')
  const path = document.createElementNS(SVG, 'path')
  path.setAttribute('d', ICONS[name])
  image.append(path)
  return image
}

const SVG = 'http://www.w3.org/2000/svg'

/** An icon, as views/_icons.njk draws it, by its path of icons.json. */
export function icon(path: string, turns = false): SVGElement {
  const image = document.createElementNS(SVG, 'svg')
  image.setAttribute('class', turns ? 'icon icon--turns' : 'icon')
  image.setAttribute('viewBox', '0 0 24 24')
  image.setAttribute('aria-hidden', 'true')
  const line = document.createElementNS(SVG, 'path')
  line.setAttribute('d', path)
  image.append(line)
  return image
}

/** Adds an element to another, with its class and what it holds: text is never taken for HTML. */
export function addTo<Name extends keyof HTMLElementTagNameMap>(
  parent: Element,
  name: Name,
  className: string,
  ...content: (string | Node)[]
): HTMLElementTagNameMap[Name] {
  const element = document.createElement(name)
  if (className !== '') {
    element.className = className
  }
  element.append(...content)
  parent.append(element)
  return element
}

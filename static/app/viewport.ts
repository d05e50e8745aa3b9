/** Keeps the page as high as what the keyboard leaves of the window: Safari on iOS passes over interactive-widget. */
export function followKeyboard() {
  const { visualViewport } = window
  visualViewport?.addEventListener('resize', () => {
    const isZoomed = visualViewport.scale > 1.01
    const isCovered = !isZoomed && innerHeight - visualViewport.height > 100
    document.documentElement.style.setProperty('--height', isCovered ? `${visualViewport.height}px` : '')
    if (isCovered) {
      scrollTo(0, 0)
    }
  })
}
